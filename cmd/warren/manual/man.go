package manual

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// ManName is the name of a verb's man page, without the section.
func ManName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// Man is the page of one verb, in the man macros (man(7)), section 1.
func Man(cmd *cobra.Command, version string) []byte {
	var b bytes.Buffer
	w := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	// Without a date: the version says more, and the page stays the same.
	w(`.TH "%s" 1 "" "warren %s" "warren"`, roff(strings.ToUpper(ManName(cmd))), roff(version))
	w(".SH NAME\n%s \\- %s", roff(ManName(cmd)), roff(lowered(cmd.Short)))
	w(".SH SYNOPSIS\n.B %s", roff(synopsis(cmd)))
	w(".SH DESCRIPTION")
	for _, p := range paragraphs(long(cmd)) {
		manParagraph(&b, p)
	}
	if subs := below(cmd); len(subs) > 0 {
		w(".SH VERBS")
		for _, c := range subs {
			w(".TP\n.B %s\n%s", roff(c.CommandPath()), roff(c.Short))
		}
	}
	if cmd.HasParent() {
		manFlags(&b, "OPTIONS", flags(cmd.NonInheritedFlags()))
	}
	manFlags(&b, "GLOBAL OPTIONS", flags(cmd.Root().PersistentFlags()))
	if cmd.Example != "" {
		w(".SH EXAMPLES")
		w(".nf\n%s\n.fi", roff(example(cmd)))
	}
	if !cmd.HasParent() {
		b.WriteString(common)
	}
	w(".SH SEE ALSO")
	var also []string
	if p := cmd.Parent(); p != nil {
		also = append(also, ManName(p))
	}
	for _, c := range below(cmd) {
		also = append(also, ManName(c))
	}
	for i, name := range also {
		also[i] = fmt.Sprintf(".BR %s (1)", roff(name))
	}
	w("%s", strings.Join(also, " ,\n"))
	return b.Bytes()
}

// common is what the page of warren itself says of all verbs.
const common = `.SH EXIT STATUS
.TP
.B 0
done
.TP
.B 1
internal: a defect, or a broken machine
.TP
.B 2
invalid: this input can never work
.TP
.B 3
denied
.TP
.B 4
not found
.TP
.B 5
conflict with what exists
.TP
.B 6
unavailable: may work later or elsewhere
.PP
.B warren shell
with a command ends with that command's own code, and with 255 where a running session was lost.
.SH FILES
.TP
.I /var/lib/warren
the state folder of the system's node: its keys, what it knows of the mesh, and the socket
.B warren.sock
.TP
.I ~/.local/state/warren
the same, of a user's node
.TP
.I warren.yaml
in the state folder: the flags of
.B warren up
without their dashes
.SH ENVIRONMENT
.TP
.B WARREN_STATE
the state folder, where
.B \-\-state
names none
`

func manFlags(b *bytes.Buffer, title string, list []flag) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(b, ".SH %s\n", title)
	for _, f := range list {
		fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roff(f.written), roff(f.usage))
	}
}

func manParagraph(b *bytes.Buffer, p string) {
	if shown(p) {
		fmt.Fprintf(b, ".PP\n.nf\n%s\n.fi\n", roff(p))
		return
	}
	fmt.Fprintf(b, ".PP\n%s\n", roff(p))
}

// roff writes text so that nothing in it is taken for a request.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, `"`, `\(dq`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}

func lowered(text string) string {
	if text == "" {
		return text
	}
	return strings.ToLower(text[:1]) + text[1:]
}
