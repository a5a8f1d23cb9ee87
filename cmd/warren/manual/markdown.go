package manual

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// Markdown is one page with every verb below root.
func Markdown(root *cobra.Command) []byte {
	var b bytes.Buffer
	w := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	w("# All verbs")
	w("\nWritten by the program itself (`make generate`): what `--help` says of each. What they print as JSON, the exit codes and the state folder stand in [the command line](cli.md).")
	w("\n`%s`\n", synopsis(root))
	markdownFlags(&b, flags(root.PersistentFlags()))
	group := ""
	for _, c := range All(root)[1:] {
		if g := c.GroupID; g != "" && g != group {
			group = g
			w("\n## %s", group)
		}
		w("\n### %s\n", strings.TrimPrefix(c.CommandPath(), root.Name()+" "))
		w("`%s`", synopsis(c))
		for _, p := range paragraphs(long(c)) {
			if shown(p) {
				p = "```\n" + p + "\n```"
			}
			w("\n%s", p)
		}
		if list := flags(c.NonInheritedFlags()); len(list) > 0 {
			w("")
			markdownFlags(&b, list)
		}
		if c.Example != "" {
			w("\n```\n%s\n```", example(c))
		}
	}
	return b.Bytes()
}

func markdownFlags(b *bytes.Buffer, list []flag) {
	b.WriteString("| flag | what it does |\n|---|---|\n")
	for _, f := range list {
		fmt.Fprintf(b, "| `%s` | %s |\n", f.written, strings.NewReplacer("|", `\|`, "<", "&lt;", "*", `\*`, "_", `\_`).Replace(f.usage))
	}
}
