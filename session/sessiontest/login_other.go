//go:build !linux

package sessiontest

// PlainLogin hides what this user's login shells read at home; only on Linux.
func PlainLogin() {}
