package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// tarball packs everything for systems without deb and rpm.
func (r release) tarball(entries []entry) (err error) {
	f, err := os.Create(filepath.Join(r.to, r.name()+".tar.gz"))
	if err != nil {
		return fmt.Errorf("make tarball: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	z, err := gzip.NewWriterLevel(f, gzip.BestCompression)
	if err != nil {
		return fmt.Errorf("make tarball: %w", err)
	}
	t := tar.NewWriter(z)
	for _, e := range entries {
		if e.tar == "" {
			continue
		}
		if err := r.addTo(t, e); err != nil {
			return fmt.Errorf("pack %s: %w", e.tar, err)
		}
	}
	return errors.Join(t.Close(), z.Close())
}

func (r release) addTo(t *tar.Writer, e entry) error {
	from, err := os.Open(e.from)
	if err != nil {
		return err
	}
	defer from.Close()
	info, err := from.Stat()
	if err != nil {
		return err
	}
	err = t.WriteHeader(&tar.Header{
		Name: "warren-" + r.version + "/" + e.tar, Mode: int64(e.mode.Perm()), Size: info.Size(), ModTime: r.when, Format: tar.FormatPAX,
	})
	if err != nil {
		return err
	}
	_, err = io.Copy(t, from)
	return err
}
