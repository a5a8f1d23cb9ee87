//go:build !linux

package engine

func checkPinned(uint16) error { return nil }
