package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestPackageVersion(t *testing.T) {
	t.Parallel()
	when := time.Unix(1795800000, 0).UTC()
	for described, want := range map[string]string{
		"v1.2.3":                 "1.2.3",
		"1.2":                    "1.2",
		"v1.2.3-dirty":           "1.2.3+dirty",
		"v1.2.3-5-gabc1234":      "1.2.3+5.gabc1234",
		"v1.2.3-rc1":             "1.2.3~rc1",
		"v1.2.3-rc.1-2-gabc1234": "1.2.3~rc.1+2.gabc1234",
		"1bd4bee-dirty":          "0.0.0+20261127.172000.g1bd4bee.dirty",
		"1234567":                "0.0.0+20261127.172000.g1234567",
		"dev":                    "", "": "", "v1": "", "1.2.3; rm": "", "1.2.3-foo": "", "../1.2": "",
	} {
		got, err := packageVersion(described, when)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q gives %q, %v, want %q", described, got, err, want)
		}
	}
}

func TestLicences(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Apache License\n  Version 2.0, January 2004":                                          "Apache-2.0",
		"Permission is hereby granted, free\nof charge, to any person":                         "MIT",
		"Mozilla Public License, version 2.0\n ... GNU General Public License":                 "MPL-2.0",
		"Redistribution and use in source and binary forms ... to endorse or promote products": "BSD-3-Clause",
		"Redistribution and use in source and binary forms":                                    "BSD-2-Clause",
		"GNU GENERAL PUBLIC LICENSE\nVersion 3":                                                "GPL",
		"Do as you like.":                                                                      "",
	} {
		if got := licenceOf(text); got != want {
			t.Errorf("%.30q is %q, want %q", text, got, want)
		}
	}
	dir := t.TempDir()
	for text, word := range map[string]string{"GNU Affero General Public License": "does not use", "hm": "not known"} {
		if err := os.WriteFile(filepath.Join(dir, "COPYING"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p := part{name: "example.org/x", version: "v1"}
		if err := p.readLicence(dir); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%q: %v, want %q", text, err, word)
		}
	}
	p := part{name: "example.org/x", version: "v1"}
	if err := p.readLicence(filepath.Join(dir, "none")); err == nil {
		t.Error("a module without files has a licence")
	}
}

// TestBill makes one of this test's own binary.
func TestBill(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	parts, err := partsOf(exe)
	if err != nil {
		t.Fatal(err)
	}
	if i := slices.IndexFunc(parts, func(p part) bool { return p.name == "go.yaml.in/yaml/v3" }); i < 0 || parts[i].licence == "" || parts[i].sum == "" {
		t.Errorf("no yaml among %d parts: %d", len(parts), i)
	}
	r := release{version: "1.2.3", when: time.Unix(0, 0).UTC(), arch: "amd64"}
	text, err := r.materials(exe, parts)
	if err != nil {
		t.Fatal(err)
	}
	var b bill
	if err := json.Unmarshal(text, &b); err != nil {
		t.Fatal(err)
	}
	refs := map[string]bool{}
	for _, c := range b.Components {
		if refs[c.Ref] || c.Licenses[0].Expression == "" || !strings.HasPrefix(c.PURL, "pkg:") {
			t.Errorf("component %+v", c)
		}
		refs[c.Ref] = true
	}
	if len(refs) != len(parts) || len(b.Depends[0].On) != len(parts) {
		t.Errorf("%d components of %d parts", len(refs), len(parts))
	}
	if !strings.Contains(string(notices(parts)), "go.yaml.in/yaml/v3") {
		t.Error("no notice of yaml")
	}
}

func TestPagesAreListed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "package-lock.json")
	const text = `{"packages": {"": {"name": "app"}, "node_modules/@a/b": {"version": "1.0.0", "integrity": "sha512-AAAA", "license": "MIT"},
		"node_modules/c": {"version": "2.0.0", "license": "ISC"}, "node_modules/d": {"version": "3.0.0", "dev": true},
		"node_modules/c/node_modules/@a/b": {"version": "1.0.0", "integrity": "sha512-AAAA", "license": "MIT"}}}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	parts, places, err := npmParts(path)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range parts {
		got = append(got, p.purl())
	}
	if want := []string{"pkg:npm/%40a/b@1.0.0", "pkg:npm/c@2.0.0"}; !slices.Equal(got, want) || len(places) != len(parts) {
		t.Errorf("got %q, want %q", got, want)
	}
	if parts, _, err := npmParts(filepath.Join(t.TempDir(), "none")); err != nil || parts != nil {
		t.Errorf("without pages: %v, %v", parts, err)
	}
}

func TestCodecsAreListed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	lay := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := write(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	binary := lay("warren", "... the helper ...")
	if parts, err := codecParts(binary, dir, "arm64"); err != nil || parts != nil {
		t.Errorf("without a helper: %v, %v", parts, err)
	}
	lay("amd64/helper.zst", "the helper")
	for list, word := range map[string]string{
		`{}`: "cannot unmarshal", `[]`: "no library",
		`[{"Name": "libvpx", "Licence": "BSD-3-Clause", "Text": "text"}]`: "are not known",
	} {
		lay("amd64.json", list)
		if _, err := codecParts(binary, dir, "amd64"); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v, want %q", list, err, word)
		}
	}
	lay("amd64.json", `[{"Name": "libvpx", "Version": "1.12.0-1+deb12u5", "Licence": "BSD-3-Clause", "Text": "text"}]`)
	parts, err := codecParts(binary, dir, "amd64")
	if err != nil || len(parts) != 1 || parts[0].purl() != "pkg:deb/debian/libvpx@1.12.0-1+deb12u5" {
		t.Errorf("parts %+v, %v", parts, err)
	}
	if parts, err := codecParts(lay("warren", "another"), dir, "amd64"); err != nil || parts != nil {
		t.Errorf("a binary without screens: %v, %v", parts, err)
	}
	if _, err := codecParts(lay("warren", "warren/session/screen/codec.Start"), dir, "amd64"); err == nil || !strings.Contains(err.Error(), "does not carry") {
		t.Errorf("another binary: %v", err)
	}
}
