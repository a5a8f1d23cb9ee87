package policy

import (
	"strings"

	"github.com/tailscale/hujson"
)

// GrantText is the i-th grant of a policy's text, in its own words on one line,
// without comments. It is empty where there is none.
func GrantText(text []byte, i int) string {
	root, err := hujson.Parse(text)
	if err != nil {
		return ""
	}
	v := root.Find("/grants")
	if v == nil {
		return ""
	}
	list, ok := v.Value.(*hujson.Array)
	if !ok || i < 0 || i >= len(list.Elements) {
		return ""
	}
	grant := list.Elements[i].Clone()
	grant.Minimize()
	return spaced(grant.String())
}

// spaced puts a blank behind each colon and comma outside of strings.
func spaced(json string) string {
	var b strings.Builder
	quoted, escaped := false, false
	for _, c := range json {
		b.WriteRune(c)
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ':' || c == ','):
			b.WriteByte(' ')
		}
	}
	return b.String()
}
