package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"warren/cmd/warren/manual"
)

// newManual is for who makes packages, and hidden from all others.
func newManual(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "manual DIR",
		Short:   "Write what packages carry beside the program into DIR",
		Long:    "Write what packages carry beside the program into DIR: man pages, completion\nscripts, and the page of the manual with all verbs.",
		Example: "  warren manual share",
		Hidden:  true,
		Args:    exactArgs("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := manualFiles(cmd.Root())
			if err != nil {
				return err
			}
			for name, text := range files {
				path := filepath.Join(args[0], name)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // for all to read
					return fmt.Errorf("write manual: %w", err)
				}
				if err := os.WriteFile(path, text, 0o644); err != nil { //nolint:gosec // likewise
					return fmt.Errorf("write manual: %w", err)
				}
			}
			if a.json {
				return a.printJSON(struct {
					Files int `json:"files"`
				}{len(files)})
			}
			a.say("%d files are in %s.", len(files), args[0])
			return nil
		},
	}
}

// manualFiles are the texts by path.
func manualFiles(root *cobra.Command) (map[string][]byte, error) {
	files := map[string][]byte{"verbs.md": manual.Markdown(root)}
	for _, cmd := range manual.All(root) {
		files[filepath.Join("man1", manual.ManName(cmd)+".1")] = manual.Man(cmd, version)
	}
	for name, write := range map[string]func(*bytes.Buffer) error{
		"warren.bash": func(b *bytes.Buffer) error { return root.GenBashCompletionV2(b, true) },
		"_warren":     func(b *bytes.Buffer) error { return root.GenZshCompletion(b) },
		"warren.fish": func(b *bytes.Buffer) error { return root.GenFishCompletion(b, true) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			return nil, fmt.Errorf("write completion: %w", err)
		}
		files[filepath.Join("completions", name)] = b.Bytes()
	}
	return files, nil
}
