package main

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

type options struct {
	version string
	epoch   int64
	from    string
	to      string
	nfpm    string
}

func main() {
	var o options
	flag.StringVar(&o.version, "version", "", "what git describe says of the commit")
	flag.Int64Var(&o.epoch, "epoch", 0, "the `second` that all files are of: SOURCE_DATE_EPOCH")
	flag.StringVar(&o.from, "from", "bin/dist", "`folder` of the binaries, as ARCH/warren")
	flag.StringVar(&o.to, "to", "dist", "`folder` for what is made; what is there goes")
	flag.StringVar(&o.nfpm, "nfpm", ".bin/nfpm", "the program that makes deb and rpm")
	flag.Parse()
	if err := dist(o); err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

// arches are what is made, by Go's names.
func arches() []string { return []string{"amd64", "arm64"} }

func dist(o options) error {
	if o.epoch <= 0 {
		return fmt.Errorf("no time to give the files; try: SOURCE_DATE_EPOCH=$(git log -1 --format=%%ct) make dist")
	}
	when := time.Unix(o.epoch, 0).UTC()
	version, err := packageVersion(o.version, when)
	if err != nil {
		return err
	}
	if !slices.Contains(arches(), runtime.GOARCH) || runtime.GOOS != "linux" {
		return fmt.Errorf("this machine is %s/%s, and the program has to run here to write its man pages; try: on linux/amd64 or linux/arm64", runtime.GOOS, runtime.GOARCH)
	}
	scratch, err := os.MkdirTemp("", "warren-dist")
	if err != nil {
		return fmt.Errorf("make room: %w", err)
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	share := filepath.Join(scratch, "share")
	here := filepath.Join(o.from, runtime.GOARCH, "warren")
	if out, err := exec.Command(here, "manual", share).CombinedOutput(); err != nil { //nolint:noctx // ends by itself
		return fmt.Errorf("write man pages: %w\n%s", err, out)
	}
	if err := os.RemoveAll(o.to); err != nil {
		return fmt.Errorf("clear: %w", err)
	}
	if err := os.MkdirAll(o.to, 0o755); err != nil { //nolint:gosec // for all to read
		return fmt.Errorf("make folder: %w", err)
	}
	for _, arch := range arches() {
		r := release{options: o, version: version, when: when, arch: arch, share: share, scratch: filepath.Join(scratch, arch)}
		if err := r.make(); err != nil {
			return fmt.Errorf("%s: %w", arch, err)
		}
	}
	return sums(o.to)
}

// packageVersion turns what git describe says into a version that dpkg and rpm
// order as it came about: 1.2.3 < 1.2.3+5.gabc, 1.2.3~rc1 < 1.2.3.
func packageVersion(described string, when time.Time) (string, error) {
	dirty := strings.HasSuffix(described, "-dirty")
	described = strings.TrimSuffix(described, "-dirty")
	tagged := regexp.MustCompile(`^v?(\d+(?:\.\d+)+)(?:-((?:alpha|beta|rc)[.\d]*))?(?:-(\d+)-g([0-9a-f]+))?$`).FindStringSubmatch(described)
	var out string
	switch {
	case tagged != nil:
		out = tagged[1]
		if tagged[2] != "" {
			out += "~" + tagged[2]
		}
		if tagged[3] != "" {
			out += "+" + tagged[3] + ".g" + tagged[4]
		}
	case regexp.MustCompile(`^[0-9a-f]{7,40}$`).MatchString(described): // no tag yet
		out = "0.0.0+" + when.Format("20060102.150405") + ".g" + described
	default:
		return "", fmt.Errorf("%q is no version; try: VERSION=v1.2.3 make dist", described)
	}
	if dirty {
		out += map[bool]string{true: ".dirty", false: "+dirty"}[strings.Contains(out, "+")]
	}
	return out, nil
}

// sums writes SHA256SUMS, as sha256sum -c reads it.
func sums(dir string) error {
	list, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		return fmt.Errorf("sum up: %w", err)
	}
	var b strings.Builder
	for _, e := range list {
		sum, err := sumOf(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%x  %s\n", sum, e.Name())
	}
	return write(filepath.Join(dir, "SHA256SUMS"), []byte(b.String()))
}

func sumOf(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("sum up: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return nil, fmt.Errorf("sum up %s: %w", path, err)
	}
	return h.Sum(nil), nil
}

func write(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // for all to read
		return fmt.Errorf("make folder: %w", err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil { //nolint:gosec // likewise
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
