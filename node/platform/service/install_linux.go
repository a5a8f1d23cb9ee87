package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"warren/node/fault"
	"warren/node/platform"
)

// booted is there where systemd runs the machine (sd_booted(3)).
const booted = "/run/systemd/system"

// Ready tells whether this process may install a service here.
func Ready(verb string) error {
	if _, err := os.Stat(booted); err != nil {
		return fault.New(fault.Unavailable, "systemd does not run this machine, so there is nothing to %s", verb).
			Try("warren up, under the supervisor that is here").Because("no-systemd")
	}
	if os.Geteuid() != 0 {
		return fault.New(fault.Denied, "only root may %s a service", verb).Try("sudo warren %s", verb)
	}
	return nil
}

// Install writes the unit and enables it; with now it starts it as well.
// changed tells whether the unit was another before.
func Install(ctx context.Context, program string, dir platform.Dir, now bool) (changed bool, err error) {
	if err := Ready("install"); err != nil {
		return false, err
	}
	if err := safe(program); err != nil {
		return false, err
	}
	if Carried(program, dir) {
		return false, enable(ctx, now, false)
	}
	text := Unit(program, dir)
	old, err := os.ReadFile(File)
	switch {
	case err == nil && !strings.HasPrefix(string(old), mark):
		return false, fault.New(fault.Conflict, "%s is there, and warren did not write it", File).Try("move it away")
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return false, fmt.Errorf("read unit: %w", err)
	}
	if changed = string(old) != text; changed {
		if err := replace(File, text); err != nil {
			return false, err
		}
	}
	return changed, enable(ctx, now, changed)
}

// Carried tells that the package's unit runs this program on this folder, and
// no unit of an administrator stands before it.
func Carried(program string, dir platform.Dir) bool {
	if program != PackageProgram || dir != systemFolder {
		return false
	}
	if _, err := os.Lstat(File); err == nil {
		return false
	}
	_, err := os.Stat(PackageFile)
	return err == nil
}

func enable(ctx context.Context, now, changed bool) error {
	if err := systemctl(ctx, "daemon-reload"); err != nil {
		return err
	}
	if err := systemctl(ctx, "enable", "--quiet", Name); err != nil {
		return err
	}
	if !now {
		return nil
	}
	verb := "start"
	if changed {
		verb = "restart"
	}
	return systemctl(ctx, verb, Name)
}

// Active reports whether the service runs.
func Active(ctx context.Context) bool { return systemctl(ctx, "is-active", "--quiet", Name) == nil }

// Installed reports whether there is a unit of ours. That of a package is the
// package's to remove.
func Installed() (bool, error) {
	text, err := os.ReadFile(File)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Stat(PackageFile); err == nil {
			return false, fault.New(fault.Conflict, "the service came with the package, which takes it away again").
				Try("systemctl disable --now warren, or remove the package warren")
		}
		return false, nil
	case err != nil:
		return false, fmt.Errorf("read unit: %w", err)
	case !strings.HasPrefix(string(text), mark):
		return false, fault.New(fault.Conflict, "%s is there, and warren did not write it", File).Try("remove it by hand")
	}
	return true, nil
}

// Uninstall stops the service and removes the unit.
func Uninstall(ctx context.Context) error {
	if err := systemctl(ctx, "disable", "--quiet", "--now", Name); err != nil {
		return err
	}
	if err := os.Remove(File); err != nil {
		return fmt.Errorf("remove unit: %w", err)
	}
	if err := systemctl(ctx, "daemon-reload"); err != nil {
		return err
	}
	_ = systemctl(ctx, "reset-failed", Name) // it remembers a failed unit that is gone, and says so where there is none
	return nil
}

// safe keeps root from running what others can replace.
func safe(program string) error {
	for path := program; ; path = filepath.Dir(path) {
		info, err := os.Stat(path)
		if err != nil {
			return fault.New(fault.NotFound, "program: %w", err)
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		sticky := info.IsDir() && info.Mode()&fs.ModeSticky != 0 && path != filepath.Dir(program)
		if !ok || st.Uid != 0 || info.Mode().Perm()&0o022 != 0 && !sticky {
			return fault.New(fault.Denied, "others than root can change %s, and root would run %s", path, program).
				Try("install -m 755 %s /usr/local/bin/warren, then /usr/local/bin/warren install", program)
		}
		if path == filepath.Dir(path) {
			return nil
		}
	}
}

// replace writes a unit whole or not at all.
func replace(path, text string) error {
	temp := path + ".new"
	err := os.WriteFile(temp, []byte(text), 0o644) //nolint:gosec // units are for all to read
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write unit: %w", err), os.RemoveAll(temp))
	}
	return nil
}

func systemctl(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, "systemctl", args...).CombinedOutput()
	if err == nil {
		return nil
	}
	if errors.Is(err, exec.ErrNotFound) {
		return fault.New(fault.Unavailable, "systemctl is missing").Because("no-systemd")
	}
	said, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if said == "" {
		said = err.Error()
	}
	return fault.New(fault.Unavailable, "systemctl %s: %s", strings.Join(args, " "), strings.TrimSuffix(said, ".")).
		Try("journalctl -u warren -n 20")
}
