package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
)

const (
	sources = "session/screen/codec/sandbox"
	built   = "session/screen/codec/built"
	missing = 3 // how build.sh ends where it cannot build here
)

// Library is what the helper is linked with, by its Debian package.
type Library struct {
	Name, Version, Licence, Text string
}

// libraries and their licences by SPDX; the texts come with the packages.
func libraries() map[string]Library {
	return map[string]Library{
		"libvpx-dev": {Name: "libvpx", Licence: "BSD-3-Clause AND ISC"},
		"libaom-dev": {Name: "aom", Licence: "BSD-2-Clause AND BSD-3-Clause AND ISC AND LicenseRef-AOMPL-1.0"},
		"libyuv-dev": {Name: "libyuv", Licence: "BSD-3-Clause"},
		"musl-dev":   {Name: "musl", Licence: "MIT"},
	}
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "codec: which architecture? try: go run ./scripts/codec amd64")
		os.Exit(2)
	}
	if err := build(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "codec:", err)
		os.Exit(1)
	}
}

func build(arch string) error {
	packed, list := filepath.Join(built, arch, "helper.zst"), filepath.Join(built, arch+".json")
	for _, old := range []string{packed, list} {
		if err := os.Remove(old); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove the last one: %w", err)
		}
	}
	scratch, err := os.MkdirTemp("", "warren-codec")
	if err != nil {
		return fmt.Errorf("make room: %w", err)
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	program := filepath.Join(scratch, "helper")
	said, err := exec.Command(filepath.Join(sources, "build.sh"), arch, program).CombinedOutput() //nolint:noctx // ends by itself
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == missing {
		fmt.Printf("codec: warren for %s gets no video: %s; see purpose codec in scripts/packages.txt\n", arch, bytes.TrimSpace(said))
		return nil
	}
	if err != nil {
		return fmt.Errorf("build the helper: %w\n%s", err, said)
	}
	text, err := os.ReadFile(program)
	if err != nil {
		return fmt.Errorf("pack the helper: %w", err)
	}
	w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(8<<20))
	if err != nil {
		return fmt.Errorf("pack the helper: %w", err)
	}
	small := w.EncodeAll(text, nil)
	if err := os.WriteFile(list, parts(arch), 0o644); err != nil { //nolint:gosec // for all to read
		return fmt.Errorf("list the helper's libraries: %w", err)
	}
	if err := os.WriteFile(packed, small, 0o644); err != nil { //nolint:gosec // likewise
		return fmt.Errorf("pack the helper: %w", err)
	}
	fmt.Printf("codec: the helper for %s has %d bytes, packed %d\n", arch, len(text), len(small))
	return nil
}

// parts lists the libraries, as far as dpkg knows them: an empty version and
// text are what make dist refuses.
func parts(arch string) []byte {
	out := []Library{}
	for _, name := range []string{"libvpx-dev", "libaom-dev", "libyuv-dev", "musl-dev"} {
		l := libraries()[name]
		version, err := exec.Command("dpkg-query", "-W", "-f", "${source:Version}", name+":"+arch).Output() //nolint:noctx // ends by itself
		if err == nil {
			l.Version = string(version)
		}
		if text, err := os.ReadFile(filepath.Join("/usr/share/doc", name, "copyright")); err == nil {
			l.Text = string(text)
		}
		out = append(out, l)
	}
	text, err := json.MarshalIndent(out, "", "\t")
	if err != nil {
		panic(err) // strings only
	}
	return append(text, '\n')
}
