package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// licenceFile is how files are called that hold one.
var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|unlicense)`)

// readLicence reads the licence files of dir into p.
func (p *part) readLicence(dir string) error {
	list, err := os.ReadDir(dir) // sorted by name
	if err != nil && (p.licence == "" || !os.IsNotExist(err)) {
		return fmt.Errorf("licence of %s: %w; try: go mod download", p.name, err)
	}
	for _, e := range list {
		if !licenceFile.MatchString(e.Name()) || !e.Type().IsRegular() || filepath.Ext(e.Name()) == ".go" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return fmt.Errorf("licence of %s: %w", p.name, err)
		}
		p.text += strings.TrimRight(string(text), " \n") + "\n"
	}
	if p.licence == "" {
		p.licence = licenceOf(p.text)
	}
	switch {
	case p.licence == "":
		return fmt.Errorf("the licence of %s %s is not known; look at %s, and teach scripts/dist", p.name, p.version, dir)
	case strings.Contains(p.licence, "GPL"):
		return fmt.Errorf("%s %s is under %s, which warren does not use", p.name, p.version, p.licence)
	}
	return nil
}

// licenceOf tells a licence by the words that only it has. The order counts:
// the MPL names the GPL.
func licenceOf(text string) string {
	text = strings.ToLower(strings.Join(strings.Fields(text), " "))
	for _, l := range []struct{ id, words string }{
		{"MPL-2.0", "mozilla public license, version 2.0"},
		{"MPL-2.0", "mozilla public license version 2.0"},
		{"GPL", "gnu general public license"},
		{"GPL", "gnu lesser general public license"},
		{"GPL", "gnu affero general public license"},
		{"Apache-2.0", "apache license version 2.0"},
		{"Apache-2.0", "apache license, version 2.0"},
		{"MIT", "permission is hereby granted, free of charge"},
		{"ISC", "permission to use, copy, modify, and/or distribute this software"},
		{"ISC", "permission to use, copy, modify, and distribute this software"},
		{"BSD-3-Clause", "to endorse or promote products"},
		{"BSD-2-Clause", "redistribution and use in source and binary forms"},
		{"Unlicense", "free and unencumbered software released into the public domain"},
		{"CC0-1.0", "cc0 1.0 universal"},
	} {
		if strings.Contains(text, l.words) {
			return l.id
		}
	}
	return ""
}
