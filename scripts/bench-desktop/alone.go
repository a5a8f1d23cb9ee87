//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
)

// The device's core, and the other one, for all else.
const (
	deviceCore = 0
	othersCore = 1
)

// filmed is what a device does of a film by itself.
type filmed struct {
	rates           // the codec helper's processor time with them
	gap     sample  // from one picture to the next, in ms
	painted float64 // a second
	frames  [3]int  // by codec
	said    string  // what the technician is told of the picture
	why     string  // why there are none
}

// alone measures full motion where the device has one core and nobody else has
// it; who looks acknowledges at once and paints nothing.
func alone(ctx context.Context, kids *children, warren string, rounds int, length time.Duration) (*filmed, error) {
	if err := keepTo(othersCore); err != nil {
		return nil, err
	}
	on := func(core int) []string { return []string{"taskset", "-c", strconv.Itoa(core)} }
	at := place{viewer: on(othersCore), device: on(deviceCore), address: "127.0.0.1", loopback: true}
	display := ":89"
	p, err := kids.stage(ctx, display)
	if err != nil {
		return nil, err
	}
	defer p.close()
	m, err := kids.mesh(at, warren, display, 46800)
	if err != nil {
		return nil, err
	}
	w, err := pictureWork(p, 1920, 1080)
	if err != nil {
		return nil, err
	}
	defer w.end()
	out := &filmed{}
	stop := w.play(func() {})
	began := time.Now()
	for range rounds {
		if err = out.round(ctx, m, at, length); err != nil {
			break
		}
	}
	out.painted = float64(stop()) / time.Since(began).Seconds()
	return out, err
}

// keepTo keeps this process, and what it starts, to one core.
func keepTo(core int) error {
	var set unix.CPUSet
	set.Set(core)
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, t := range tasks {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(id, &set); err != nil {
			return fmt.Errorf("keep to core %d: %w", core, err)
		}
	}
	return nil
}

// round looks for a while, after the film has become video.
func (f *filmed) round(ctx context.Context, m *mesh, at place, length time.Duration) error {
	ws, err := m.watch(ctx, at)
	if err != nil {
		return err
	}
	defer func() { _ = ws.CloseNow() }()
	settled := time.Now().Add(4 * time.Second)
	var began, last time.Time
	var cpu time.Duration
	pictures, bytes := 0, 0
	for {
		kind, data, err := ws.Read(ctx)
		if err != nil {
			return err
		}
		now := time.Now()
		if kind == websocket.MessageText || len(data) < 14 {
			continue
		}
		if data[0] == 1 {
			var e warrenv1.ScreenEvent
			if proto.Unmarshal(data[1:], &e) == nil && e.GetQuality() != nil {
				f.said = e.GetQuality().GetWhy()
			}
			continue
		}
		frame := data[1:]
		number, codec := binary.LittleEndian.Uint32(frame), min(int(frame[8]), 2)
		ack, err := proto.Marshal(&warrenv1.ScreenInput{Input: &warrenv1.ScreenInput_Ack{Ack: &warrenv1.ScreenAck{Number: number}}})
		if err != nil {
			return err
		}
		if err := ws.Write(ctx, websocket.MessageBinary, append([]byte{0x11}, ack...)); err != nil {
			return err
		}
		if now.Before(settled) {
			continue
		}
		if began.IsZero() {
			began, last, cpu = now, now, spent(m.device)
			continue
		}
		bytes += len(data)
		f.frames[codec]++
		if codec != 0 {
			pictures++
			f.gap = append(f.gap, float64(now.Sub(last))/float64(time.Millisecond))
			last = now
		}
		if took := now.Sub(began); took >= length {
			cpu = spent(m.device) - cpu
			f.turn(bytes, pictures, cpu, took)
			return nil
		}
	}
}

// watch opens the desktop as a page does, and paints nothing.
func (m *mesh) watch(ctx context.Context, at place) (*websocket.Conn, error) {
	var page struct{ URL string }
	if err := m.ask(ctx, at.viewer, &page, "desktop", "screen", "--view"); err != nil {
		return nil, err
	}
	u, err := url.Parse(page.URL)
	if err != nil {
		return nil, err
	}
	token, _, _ := strings.Cut(strings.TrimPrefix(u.Fragment, "t="), "&")
	base := u.Scheme + "://" + u.Host
	ask, err := json.Marshal(map[string]string{"token": token})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/console/enter", bytes.NewReader(ask))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Origin", base)
	req.Header.Set("Content-Type", "application/json")
	res, err := (&http.Client{Timeout: 10 * time.Second}).Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var entered struct{ Bearer string }
	if err := json.NewDecoder(res.Body).Decode(&entered); err != nil || entered.Bearer == "" {
		return nil, fmt.Errorf("enter the console: %s: %w", res.Status, err)
	}
	ws, _, err := websocket.Dial(ctx, base+"/console/desktop", &websocket.DialOptions{ //nolint:bodyclose // it has none by then
		Subprotocols: []string{"warren.desktop.v1"}, HTTPHeader: http.Header{"Origin": {base}},
	})
	if err != nil {
		return nil, err
	}
	ws.SetReadLimit(33 << 20)
	open, err := json.Marshal(map[string]any{"bearer": entered.Bearer, "open": map[string]any{"device": m.id, "verb": "view", "display": m.display}})
	if err != nil {
		return nil, err
	}
	return ws, ws.Write(ctx, websocket.MessageText, open)
}

// slack is how much of the bar a clock may take away.
const slack = 0.98

func (f *filmed) text() string {
	if f.rounds == 0 {
		return fmt.Sprintf("Not measured: %s.\n", f.why)
	}
	var kinds []string
	for codec, name := range []string{"lossless", "VP9", "AV1"} {
		if n := f.frames[codec]; n > 0 {
			kinds = append(kinds, fmt.Sprintf("%d %s", n, name))
		}
	}
	met := "met"
	if f.shown < slack*f.painted {
		met = "**missed**"
	}
	return fmt.Sprintf("%.1f pictures a second of %.1f that were painted (bar: 30, %s); from one to the next %s in the median, %s at p95; %.0f kbit/s; the device and its codec helper took %.0f %% of their core. Frames: %s. The technician is told: %s.\n",
		f.shown, f.painted, met, ms(f.gap.at(0.5)), ms(f.gap.at(0.95)), f.kbit, f.cpu*100, strings.Join(kinds, ", "), f.said)
}
