package main

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"warren/cmd/warren/manual"
)

var update = flag.Bool("update", false, "write docs/verbs.md anew")

// TestVerbsPage holds the manual against the program.
func TestVerbsPage(t *testing.T) {
	t.Parallel()
	const page = "../../docs/verbs.md"
	want := manual.Markdown(newRoot(standard()))
	if *update {
		if err := os.WriteFile(page, want, 0o644); err != nil { //nolint:gosec // for all to read
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/verbs.md is not what the verbs say; try: make generate")
	}
}

// TestCommandLinePage: docs/cli.md, written by hand, knows each verb and each
// flag in the section of its verb, and no flag that there is not.
func TestCommandLinePage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for part := range strings.SplitSeq(string(text), "\n### ") {
		heading, body, _ := strings.Cut(part, "\n")
		body, _, _ = strings.Cut(body, "\n## ")
		for name := range strings.SplitSeq(heading, ", ") {
			sections[name] = body
		}
	}
	written := regexp.MustCompile("--[a-z][a-z-]+")
	all := map[string]bool{"--help": true}
	for _, cmd := range manual.All(newRoot(standard())) {
		for _, set := range []*pflag.FlagSet{cmd.Flags(), cmd.PersistentFlags()} {
			set.VisitAll(func(f *pflag.Flag) { all["--"+f.Name] = true })
		}
		if !cmd.HasParent() || len(cmd.Commands()) > 0 && !cmd.Runnable() {
			continue
		}
		name, body := section(cmd, sections)
		if body == "" {
			t.Errorf("docs/cli.md has no section on %s", cmd.CommandPath())
			continue
		}
		if name != cmd.Name() && !strings.Contains(body, cmd.Name()) {
			t.Errorf("docs/cli.md, %s: nothing of %s", name, cmd.CommandPath())
		}
		cmd.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden && f.Name != "help" && !strings.Contains(body, "--"+f.Name) {
				t.Errorf("docs/cli.md, %s: nothing of --%s", cmd.CommandPath(), f.Name)
			}
		})
	}
	for name, body := range sections {
		for _, f := range written.FindAllString(body, -1) {
			if !all[f] {
				t.Errorf("docs/cli.md, %s: there is no %s", name, f)
			}
		}
	}
}

// section finds where docs/cli.md speaks of a verb: under its own name, or its
// first word.
func section(cmd *cobra.Command, sections map[string]string) (name, body string) {
	words := strings.Fields(cmd.CommandPath())[1:]
	for _, name := range []string{strings.Join(words, " "), words[0]} {
		if body := sections[name]; body != "" {
			return name, body
		}
	}
	return words[0], ""
}

// TestManPages has each read by the system's own reader, where there is one.
func TestManPages(t *testing.T) {
	t.Parallel()
	root := newRoot(standard())
	verbs := manual.All(root)
	if len(verbs) < 40 {
		t.Errorf("%d man pages", len(verbs))
	}
	for _, cmd := range verbs {
		page := manual.Man(cmd, "1.2.3")
		for line := range strings.SplitSeq(string(page), "\n") {
			if strings.HasPrefix(line, ".") && !regexp.MustCompile(`^\.(TH|SH|B|BR|I|TP|PP|nf|fi)\b`).MatchString(line) {
				t.Errorf("%s: a request that nobody meant: %s", cmd.CommandPath(), line)
			}
		}
		for _, want := range []string{".SH NAME\n", ".SH SYNOPSIS\n", ".SH EXAMPLES\n", `\-\-json`} {
			if cmd.HasParent() && !strings.Contains(string(page), want) {
				t.Errorf("%s: no %q", cmd.CommandPath(), want)
			}
		}
	}
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("needs groff")
	}
	for _, cmd := range verbs {
		c := exec.CommandContext(t.Context(), groff, "-K", "utf8", "-man", "-Tutf8", "-ww", "-z")
		c.Stdin = bytes.NewReader(manual.Man(cmd, "1.2.3"))
		if out, err := c.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", cmd.CommandPath(), err, out)
		}
	}
}

// TestManualFiles: the same verbs give the same bytes.
func TestManualFiles(t *testing.T) {
	t.Parallel()
	one, err := manualFiles(newRoot(standard()))
	if err != nil {
		t.Fatal(err)
	}
	two, err := manualFiles(newRoot(standard()))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range one {
		if !bytes.Equal(text, two[name]) {
			t.Errorf("%s differs from one time to the other", name)
		}
	}
	if len(one) != len(two) || one["completions/_warren"] == nil {
		t.Errorf("%d files, then %d", len(one), len(two))
	}
}
