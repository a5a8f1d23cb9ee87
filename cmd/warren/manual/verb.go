package manual

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// All are root and the verbs below it, each before its own, in the order of
// the help.
func All(root *cobra.Command) []*cobra.Command {
	out := []*cobra.Command{root}
	for _, c := range below(root) {
		out = append(out, All(c)...)
	}
	return out
}

// below are the verbs of cmd: by group, where there are groups.
func below(cmd *cobra.Command) []*cobra.Command {
	var out []*cobra.Command
	add := func(group string) {
		for _, c := range cmd.Commands() {
			if c.GroupID == group && c.IsAvailableCommand() && c.Name() != "help" {
				out = append(out, c)
			}
		}
	}
	for _, g := range cmd.Groups() {
		add(g.ID)
	}
	add("")
	return out
}

// flag is one option as it is written and what it does.
type flag struct{ written, usage string }

// flags are those of cmd alone, or those that all verbs share.
func flags(set *pflag.FlagSet) []flag {
	var out []flag
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		word, usage := pflag.UnquoteUsage(f)
		written := "--" + f.Name
		if f.Shorthand != "" {
			written = "-" + f.Shorthand + ", " + written
		}
		if word != "" {
			written += " " + word
		}
		if d := f.DefValue; d != "" && d != "false" && d != "[]" && d != "0" && d != "0s" && !strings.Contains(usage, "default") {
			usage += " (default " + d + ")"
		}
		out = append(out, flag{written, usage})
	})
	return out
}

// synopsis is the line that shows how a verb is written.
func synopsis(cmd *cobra.Command) string {
	line := cmd.CommandPath() + strings.TrimPrefix(cmd.Use, cmd.Name())
	if cmd.HasAvailableSubCommands() && !cmd.HasParent() {
		return line + " VERB [flags]"
	}
	if len(flags(cmd.NonInheritedFlags())) > 0 && !strings.Contains(line, "[-") {
		line += " [flags]"
	}
	return line
}

// long is what a verb says of itself at length.
func long(cmd *cobra.Command) string {
	if cmd.Long != "" {
		return strings.TrimSpace(cmd.Long)
	}
	return cmd.Short + "."
}

// paragraphs splits text at empty lines; those that are indented are to be
// shown as they are.
func paragraphs(text string) []string { return strings.Split(strings.Trim(text, "\n"), "\n\n") }

// shown tells a paragraph that is to be shown as it is.
func shown(paragraph string) bool {
	for line := range strings.SplitSeq(paragraph, "\n") {
		if strings.HasPrefix(line, "  ") {
			return true
		}
	}
	return false
}

// example is a verb's example without its indent.
func example(cmd *cobra.Command) string {
	lines := strings.Split(strings.Trim(cmd.Example, "\n"), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimPrefix(l, "  ")
	}
	return strings.Join(lines, "\n")
}
