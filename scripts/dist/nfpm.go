package main

import (
	"bytes"
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"
)

//go:embed scripts
var scripts embed.FS

// recipe is what nfpm is told (https://nfpm.goreleaser.com/docs/configuration).
type recipe struct {
	Name          string            `yaml:"name"`
	Arch          string            `yaml:"arch"`
	Platform      string            `yaml:"platform"`
	Version       string            `yaml:"version"`
	VersionSchema string            `yaml:"version_schema"`
	Release       string            `yaml:"release"`
	Section       string            `yaml:"section"`
	Priority      string            `yaml:"priority"`
	Maintainer    string            `yaml:"maintainer"`
	Description   string            `yaml:"description"`
	License       string            `yaml:"license"`
	MTime         time.Time         `yaml:"mtime"`
	NoGlobbing    bool              `yaml:"disable_globbing"`
	Umask         int               `yaml:"umask"`
	Contents      []content         `yaml:"contents"`
	Scripts       map[string]string `yaml:"scripts"`
	RPM           struct {
		BuildHost   string `yaml:"buildhost"`
		Group       string `yaml:"group"`
		Summary     string `yaml:"summary"`
		Compression string `yaml:"compression"`
	} `yaml:"rpm"`
}

type content struct {
	Src  string `yaml:"src"`
	Dst  string `yaml:"dst"`
	Info struct {
		Mode  os.FileMode `yaml:"mode"`
		MTime time.Time   `yaml:"mtime"`
	} `yaml:"file_info"`
}

const (
	summary     = "remote access over a peer-to-peer WireGuard mesh"
	description = summary + `
warren joins machines to a WireGuard mesh that no server in the middle runs,
and opens terminals on them, straight from technician to device over WebRTC.
`
)

// pack has nfpm make one package.
func (r release) pack(format string, entries []entry) error {
	c := recipe{
		Name: "warren", Arch: r.arch, Platform: "linux", Version: r.version, VersionSchema: "none", Release: "1",
		Section: "net", Priority: "optional", Maintainer: "The warren authors <warren@localhost>",
		Description: description, License: "Apache-2.0", MTime: r.when, NoGlobbing: true, Umask: 0o022, Scripts: map[string]string{},
	}
	c.RPM.BuildHost, c.RPM.Group, c.RPM.Summary, c.RPM.Compression = "localhost", "System Environment/Daemons", summary, "gzip"
	for _, e := range entries {
		if e.only != "" && e.only != format {
			continue
		}
		one := content{Src: e.from, Dst: "/" + e.at}
		one.Info.Mode, one.Info.MTime = e.mode, r.when
		c.Contents = append(c.Contents, one)
	}
	for _, when := range []string{"preinstall", "postinstall", "preremove", "postremove"} {
		text, err := scripts.ReadFile("scripts/" + when + ".sh")
		if err != nil {
			return fmt.Errorf("script: %w", err)
		}
		path := filepath.Join(r.scratch, "scripts", when+".sh")
		if err := write(path, text); err != nil {
			return err
		}
		c.Scripts[when] = path
	}
	text, err := yaml.Marshal(c)
	if err != nil {
		return fmt.Errorf("recipe: %w", err)
	}
	path := filepath.Join(r.scratch, format+".yaml")
	if err := write(path, text); err != nil {
		return err
	}
	cmd := exec.Command(r.nfpm, "package", "-f", path, "-p", format, "-t", r.to) //nolint:noctx // ends by itself
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH="+strconv.FormatInt(r.epoch, 10))
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("nfpm: %w\n%s", err, said.Bytes())
	}
	return nil
}
