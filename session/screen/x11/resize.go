//go:build linux

package x11

import (
	"errors"
	"fmt"
	"image"
	"slices"
	"strings"

	"github.com/jezek/xgb/randr"
	"github.com/jezek/xgb/xproto"

	"warren/session/screen"
	"warren/session/screen/words"
)

// pretended are the beginnings of the names of outputs that no monitor hangs
// on: Xvfb, the dummy driver, VNC servers, virtual machines.
func pretended(output string) bool {
	for _, p := range []string{"screen", "dummy", "vnc", "virtual", "rdp"} {
		if strings.HasPrefix(strings.ToLower(output), p) {
			return true
		}
	}
	return false
}

// Resize implements screen.Source. It changes displays without a real monitor
// only, and those of one output.
func (d *Display) Resize(size image.Point) error {
	if !d.has(extRandR) {
		return screen.Unable(words.NoResize.Say())
	}
	if size == d.size {
		return nil
	}
	return d.ask(func() error {
		res, err := randr.GetScreenResourcesCurrent(d.Conn, d.screen.Root).Reply()
		if err != nil {
			return err
		}
		output, info, err := d.only(res)
		if err != nil {
			return err
		}
		r, err := randr.GetScreenSizeRange(d.Conn, d.screen.Root).Reply()
		if err != nil {
			return err
		}
		w := uint16(min(max(size.X, int(r.MinWidth), 64), int(r.MaxWidth)))   //nolint:gosec // a side of the server's
		h := uint16(min(max(size.Y, int(r.MinHeight), 64), int(r.MaxHeight))) //nolint:gosec // a side of the server's
		mode, err := d.mode(res, output, info, w, h)
		if err != nil {
			return err
		}
		return d.set(res, output, info, mode, w, h)
	})
}

// only is the display's one output in use.
func (d *Display) only(res *randr.GetScreenResourcesCurrentReply) (output randr.Output, info *randr.GetOutputInfoReply, err error) {
	for _, o := range res.Outputs {
		i, err := randr.GetOutputInfo(d.Conn, o, res.ConfigTimestamp).Reply()
		if err != nil {
			return 0, nil, err
		}
		if i.Crtc == 0 {
			continue
		}
		if info != nil {
			return 0, nil, screen.Unable(words.SeveralMonitors.Say())
		}
		output, info = o, i
	}
	switch {
	case info == nil:
		return 0, nil, screen.Unable(words.FixedSize.Say())
	case !pretended(string(info.Name)):
		return 0, nil, screen.Unable(words.RealMonitor.Say(string(info.Name)))
	}
	return output, info, nil
}

// mode finds a mode of a size or makes it.
func (d *Display) mode(res *randr.GetScreenResourcesCurrentReply, output randr.Output, info *randr.GetOutputInfoReply, w, h uint16) (randr.Mode, error) {
	name := fmt.Sprintf("warren-%dx%d", w, h)
	names := res.Names
	for _, m := range res.Modes {
		own := string(names[:min(int(m.NameLen), len(names))])
		names = names[len(own):]
		if m.Width != w || m.Height != h {
			continue
		}
		if !slices.Contains(info.Modes, randr.Mode(m.Id)) {
			if own != name {
				continue
			}
			return randr.Mode(m.Id), randr.AddOutputModeChecked(d.Conn, output, randr.Mode(m.Id)).Check()
		}
		return randr.Mode(m.Id), nil
	}
	// Times mean nothing where there is no monitor, but servers want them in order.
	m := randr.ModeInfo{
		Width: w, Height: h, DotClock: 60 * (uint32(w) + 3) * (uint32(h) + 3),
		HsyncStart: w + 1, HsyncEnd: w + 2, Htotal: w + 3, VsyncStart: h + 1, VsyncEnd: h + 2, Vtotal: h + 3,
		NameLen: uint16(len(name)), //nolint:gosec // a short name
	}
	made, err := randr.CreateMode(d.Conn, d.screen.Root, m, name).Reply()
	if err != nil {
		return 0, screen.Unable(words.RefusedSize.Say())
	}
	if err := randr.AddOutputModeChecked(d.Conn, output, made.Mode).Check(); err != nil {
		return 0, screen.Unable(words.RefusedSize.Say())
	}
	return made.Mode, nil
}

// set changes mode and size while nobody else is served, and tidies up modes
// of ours that are out of use. What is refused leaves the display as it was.
func (d *Display) set(res *randr.GetScreenResourcesCurrentReply, output randr.Output, info *randr.GetOutputInfoReply, mode randr.Mode, w, h uint16) error {
	xproto.GrabServer(d.Conn)
	defer xproto.UngrabServer(d.Conn)
	config := func(m randr.Mode, outputs []randr.Output) error {
		r, err := randr.SetCrtcConfig(d.Conn, info.Crtc, 0, res.ConfigTimestamp, 0, 0, m, randr.RotationRotate0, outputs).Reply()
		if err == nil && r.Status != randr.SetConfigSuccess {
			err = screen.Unable(words.RefusedSize.Say())
		}
		return err
	}
	stretch := func(w, h uint16) error {
		millimetres := func(pixels uint16) uint32 { return uint32(pixels) * 254 / 960 }
		return randr.SetScreenSizeChecked(d.Conn, d.screen.Root, w, h, millimetres(w), millimetres(h)).Check()
	}
	before, err := randr.GetCrtcInfo(d.Conn, info.Crtc, res.ConfigTimestamp).Reply()
	if err != nil {
		return err
	}
	was, err := xproto.GetGeometry(d.Conn, d.root).Reply()
	if err != nil {
		return err
	}
	if err := config(0, nil); err != nil {
		return err
	}
	if stretch(w, h) != nil {
		return errors.Join(screen.Unable(words.RefusedSize.Say()), config(before.Mode, before.Outputs))
	}
	if config(mode, []randr.Output{output}) != nil {
		return errors.Join(screen.Unable(words.RefusedSize.Say()), stretch(was.Width, was.Height), config(before.Mode, before.Outputs))
	}
	names := res.Names
	for _, m := range res.Modes {
		own := string(names[:min(int(m.NameLen), len(names))])
		names = names[len(own):]
		if id := randr.Mode(m.Id); id != mode && strings.HasPrefix(own, "warren-") {
			randr.DeleteOutputMode(d.Conn, output, id)
			randr.DestroyMode(d.Conn, id)
		}
	}
	return nil
}
