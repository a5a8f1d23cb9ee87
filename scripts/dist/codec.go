package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// built is where make lays the desktop's codec helper.
const built = "session/screen/codec/built"

// codecParts are the libraries of the codec helper, where the binary carries
// it: none where it was built without.
func codecParts(binary, dir, arch string) ([]part, error) {
	packed, err := os.ReadFile(filepath.Join(dir, arch, "helper.zst"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the codec helper: %w", err)
	}
	all, err := os.ReadFile(binary)
	if err != nil {
		return nil, fmt.Errorf("look for the codec helper: %w", err)
	}
	switch {
	case bytes.Contains(all, packed):
	case !bytes.Contains(all, []byte("warren/session/screen/codec.")): // no screens in it
		return nil, nil
	default:
		return nil, fmt.Errorf("%s does not carry the codec helper of %s; build it again", binary, dir)
	}
	path := filepath.Join(dir, arch+".json")
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read what the codec helper is made of: %w", err)
	}
	var list []struct{ Name, Version, Licence, Text string }
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	var out []part
	for _, l := range list {
		if l.Name == "" || l.Version == "" || l.Licence == "" || l.Text == "" {
			return nil, fmt.Errorf("version and licence of the codec helper's %s are not known; build it on Debian", l.Name)
		}
		out = append(out, part{kind: "deb", name: "debian/" + l.Name, version: l.Version, licence: l.Licence, text: l.Text})
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s names no library", path)
	}
	return out, nil
}
