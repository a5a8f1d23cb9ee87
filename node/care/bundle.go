package care

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"go.yaml.in/yaml/v3"

	"warren/node/platform"
)

// Item is one file of a bundle.
type Item struct {
	Name string
	Text []byte
}

// JSON is v as an item.
func JSON(name string, v any) (Item, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return Item{}, fmt.Errorf("encode %s: %w", name, err)
	}
	return Item{name, b.Bytes()}, nil
}

// Options are warren.yaml as it was understood: what is a comment, or no
// option, is not taken along.
func Options(dir platform.Dir) Item {
	item := Item{Name: "warren.yaml"}
	up, err := platform.ReadConfig(dir.Config())
	if err != nil {
		item.Text = []byte("# warren.yaml cannot be read; see doctor.json for the line\n")
		return item
	}
	text, err := yaml.Marshal(up.Given())
	if err != nil {
		text = []byte("# " + err.Error() + "\n")
	}
	item.Text = text
	return item
}

// Bundle writes items as a tar.gz below the folder name, each without what r
// finds.
func Bundle(w io.Writer, folder string, at time.Time, r *Redactor, items []Item) error {
	zip := gzip.NewWriter(w)
	out := tar.NewWriter(zip)
	for _, item := range items {
		text := []byte(r.Text(string(item.Text)))
		err := out.WriteHeader(&tar.Header{
			Typeflag: tar.TypeReg, Name: folder + "/" + item.Name, Mode: 0o600, Size: int64(len(text)), ModTime: at,
		})
		if err == nil {
			_, err = out.Write(text)
		}
		if err != nil {
			return fmt.Errorf("write %s: %w", item.Name, err)
		}
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("end bundle: %w", err)
	}
	if err := zip.Close(); err != nil {
		return fmt.Errorf("end bundle: %w", err)
	}
	return nil
}
