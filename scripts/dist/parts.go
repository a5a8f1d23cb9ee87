package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
)

// part is something of others that the binary is made of.
type part struct {
	kind    string // "golang", "npm" or "deb", as package URLs have it
	name    string
	version string
	sum     string // as go.sum or the lock file has it
	licence string // SPDX
	text    string // of its licence files
}

// lock is what npm installed, pinned.
const lock = "web/app/package-lock.json"

// partsOf are the modules that the linker names in the binary, Go's own
// library, and the packages that the pages are built from.
func partsOf(binary string) ([]part, error) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return nil, fmt.Errorf("read what %s is made of: %w", binary, err)
	}
	dirs, err := moduleDirs(info.Deps)
	if err != nil {
		return nil, err
	}
	root, err := exec.Command("go", "env", "GOROOT").Output() //nolint:noctx // ends by itself
	if err != nil {
		return nil, fmt.Errorf("find Go: %w", err)
	}
	out := []part{{kind: "golang", name: "std", version: strings.TrimPrefix(info.GoVersion, "go")}}
	places := []string{strings.TrimSpace(string(root))}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		out = append(out, part{kind: "golang", name: m.Path, version: m.Version, sum: m.Sum})
		places = append(places, dirs[m.Path])
	}
	npm, npmPlaces, err := npmParts(lock)
	if err != nil {
		return nil, err
	}
	out, places = append(out, npm...), append(places, npmPlaces...)
	for i := range out {
		if err := out[i].readLicence(places[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// moduleDirs are where the modules' files lie.
func moduleDirs(modules []*debug.Module) (map[string]string, error) {
	args := []string{"list", "-m", "-json"}
	for _, m := range modules {
		args = append(args, m.Path)
	}
	out, err := exec.Command("go", args...).Output() //nolint:noctx // ends by itself
	if err != nil {
		return nil, fmt.Errorf("find modules: %w", err)
	}
	dirs := map[string]string{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var m struct {
			Path, Dir string
			Replace   *struct{ Path, Dir string }
		}
		switch err := d.Decode(&m); {
		case errors.Is(err, io.EOF):
			return dirs, nil
		case err != nil:
			return nil, fmt.Errorf("find modules: %w", err)
		}
		dirs[m.Path] = m.Dir
		if m.Replace != nil {
			dirs[m.Replace.Path] = m.Replace.Dir
		}
	}
}

// npmParts are what the pages are built from: all that the lock file names but
// the tools that build them.
func npmParts(lock string) (parts []part, places []string, err error) {
	text, err := os.ReadFile(lock)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read what the pages are made of: %w", err)
	}
	var l struct {
		Packages map[string]struct {
			Version, Integrity, License string
			Dev                         bool
		}
	}
	if err := json.Unmarshal(text, &l); err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", lock, err)
	}
	for path, p := range l.Packages {
		i := strings.LastIndex(path, "node_modules/")
		if i < 0 || p.Dev {
			continue
		}
		parts = append(parts, part{kind: "npm", name: path[i+len("node_modules/"):], version: p.Version, sum: p.Integrity, licence: p.License})
	}
	slices.SortFunc(parts, func(a, b part) int {
		return strings.Compare(a.name+" "+a.version, b.name+" "+b.version)
	})
	parts = slices.Compact(parts)
	for _, p := range parts {
		places = append(places, filepath.Join(filepath.Dir(lock), "node_modules", p.name))
	}
	return parts, places, nil
}

// notices are the licences of all parts, as they ask to be passed on.
func notices(parts []part) []byte {
	var b bytes.Buffer
	b.WriteString("warren contains what follows, each under its own licence.\n")
	for _, p := range parts {
		fmt.Fprintf(&b, "\n%s\n%s %s (%s)\n\n%s", strings.Repeat("=", 72), p.name, p.version, p.licence, p.text)
	}
	return b.Bytes()
}
