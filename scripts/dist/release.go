package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"warren/node/platform/service"
)

// release is what is made for one architecture.
type release struct {
	options
	version string
	when    time.Time
	arch    string
	share   string // what the program wrote of itself
	scratch string
}

// entry is a file of a package.
type entry struct {
	at   string // where it lies once installed, without the slash
	from string // where it lies now
	mode os.FileMode
	only string // "deb" or "rpm"; empty is everywhere
	tar  string // its place in the tarball; empty is not in there
}

func (r release) make() error {
	binary := filepath.Join(r.from, r.arch, "warren")
	parts, err := partsOf(binary)
	if err != nil {
		return err
	}
	codecs, err := codecParts(binary, built, r.arch)
	if err != nil {
		return err
	}
	parts = append(parts, codecs...)
	bom, err := r.materials(binary, parts)
	if err != nil {
		return err
	}
	entries, err := r.stage(binary, bom, notices(parts))
	if err != nil {
		return err
	}
	if err := write(filepath.Join(r.to, r.name()+".cdx.json"), bom); err != nil {
		return err
	}
	if err := r.tarball(entries); err != nil {
		return err
	}
	for _, format := range []string{"deb", "rpm"} {
		if err := r.pack(format, entries); err != nil {
			return fmt.Errorf("%s: %w", format, err)
		}
	}
	return nil
}

// name is that of what has no name by its own rules, as deb and rpm have.
func (r release) name() string { return "warren_" + r.version + "_linux_" + r.arch }

// stage lays out all files below scratch.
func (r release) stage(binary string, bom, licences []byte) ([]entry, error) {
	var out []entry
	var failed error
	add := func(e entry, text []byte) {
		if failed == nil && e.from == "" {
			e.from = filepath.Join(r.scratch, e.at)
			failed = write(e.from, text)
		}
		if e.mode == 0 {
			e.mode = 0o644
		}
		out = append(out, e)
	}
	read := func(path string) []byte {
		text, err := os.ReadFile(path)
		if err != nil && failed == nil {
			failed = fmt.Errorf("stage: %w", err)
		}
		return text
	}
	add(entry{at: strings.TrimPrefix(service.PackageProgram, "/"), from: binary, mode: 0o755, tar: "warren"}, nil)
	add(entry{at: strings.TrimPrefix(service.PackageFile, "/"), tar: "warren.service"}, []byte(service.PackageUnit()))
	for _, c := range []struct{ name, at, only string }{
		{"warren.bash", "usr/share/bash-completion/completions/warren", ""},
		{"_warren", "usr/share/zsh/vendor-completions/_warren", "deb"},
		{"_warren", "usr/share/zsh/site-functions/_warren", "rpm"},
		{"warren.fish", "usr/share/fish/vendor_completions.d/warren.fish", ""},
	} {
		tar := "completions/" + c.name
		if c.only == "rpm" {
			tar = ""
		}
		add(entry{at: c.at, only: c.only, tar: tar}, read(filepath.Join(r.share, "completions", c.name)))
	}
	pages, err := filepath.Glob(filepath.Join(r.share, "man1", "*.1"))
	if err != nil {
		return nil, fmt.Errorf("stage: %w", err)
	}
	slices.Sort(pages)
	for _, p := range pages {
		add(entry{at: "usr/share/man/man1/" + filepath.Base(p) + ".gz", tar: "man1/" + filepath.Base(p) + ".gz"}, squeezed(read(p)))
	}
	add(entry{at: "usr/share/doc/warren/copyright", only: "deb", tar: "LICENSE"}, read("LICENSE"))
	add(entry{at: "usr/share/licenses/warren/LICENSE", only: "rpm"}, read("LICENSE"))
	add(entry{at: "usr/share/doc/warren/third-party.txt.gz", tar: "third-party.txt.gz"}, squeezed(licences))
	add(entry{at: "usr/share/doc/warren/CHANGELOG.md.gz", tar: "CHANGELOG.md.gz"}, squeezed(read("CHANGELOG.md")))
	add(entry{at: "usr/share/doc/warren/sbom.cdx.json.gz"}, squeezed(bom))
	return out, failed
}

// squeezed is gzip without a name or a time.
func squeezed(text []byte) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err == nil {
		_, err = w.Write(text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err) // into memory nothing fails
	}
	return b.Bytes()
}
