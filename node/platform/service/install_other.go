//go:build !linux

package service

import (
	"context"
	"runtime"

	"warren/node/fault"
	"warren/node/platform"
)

// Ready refuses: only systemd is known.
func Ready(verb string) error {
	return fault.New(fault.Unavailable, "warren can %s a service of systemd only, and this is %s", verb, runtime.GOOS).
		Try("warren up, under the supervisor that is here").Because("no-systemd")
}

// Install refuses as Ready does.
func Install(context.Context, string, platform.Dir, bool) (bool, error) {
	return false, Ready("install")
}

// Carried reports false.
func Carried(string, platform.Dir) bool { return false }

// Active reports false.
func Active(context.Context) bool { return false }

// Installed reports false.
func Installed() (bool, error) { return false, nil }

// Uninstall refuses as Ready does.
func Uninstall(context.Context) error { return Ready("uninstall") }
