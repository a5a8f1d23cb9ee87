package shell

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/session"
)

// Bounds of a request.
const (
	maxRequest     = 48 << 10
	maxArguments   = 1024
	maxTerm        = 64
	maxVariables   = 32
	maxVariable    = 1 << 10
	defaultTerm    = "xterm"
	defaultColumns = 80
	defaultRows    = 24
)

// request is a checked ShellRequest.
type request struct {
	argv        []string // empty: the login shell
	terminal    bool
	term        string
	columns     uint16
	rows        uint16
	environment []string // "NAME=value", sorted, allowed names only
}

// decodeRequest reads an offer's request; what it refuses is ErrInvalid.
func decodeRequest(b []byte) (request, error) {
	var m warrenv1.ShellRequest
	if len(b) > maxRequest {
		return request{}, invalid("request of %d bytes", len(b))
	}
	if err := (proto.UnmarshalOptions{RecursionLimit: 4}).Unmarshal(b, &m); err != nil {
		return request{}, fmt.Errorf("decode shell request: %w", errors.Join(session.ErrInvalid, err))
	}
	if len(m.ProtoReflect().GetUnknown()) > 0 {
		return request{}, invalid("the device's version does not know all that was asked for")
	}
	r := request{
		argv: m.GetArgv(), terminal: m.GetTerminal(), term: m.GetTerm(),
		columns: side(int(min(m.GetColumns(), maxSide))), rows: side(int(min(m.GetRows(), maxSide))),
	}
	switch {
	case len(r.argv) > maxArguments:
		return request{}, invalid("%d arguments, want at most %d", len(r.argv), maxArguments)
	case len(r.argv) > 0 && r.argv[0] == "":
		return request{}, invalid("the command has no name")
	case len(m.GetEnvironment()) > maxVariables:
		return request{}, invalid("%d variables, want at most %d", len(m.GetEnvironment()), maxVariables)
	case !termName(r.term):
		return request{}, invalid("terminal type %.80q", r.term)
	}
	for _, a := range r.argv {
		if strings.ContainsRune(a, 0) {
			return request{}, invalid("an argument holds a zero byte")
		}
	}
	for name, value := range m.GetEnvironment() {
		if !allowedVariable(name) || len(value) > maxVariable || strings.ContainsRune(value, 0) {
			return request{}, invalid("variable %.80q", name)
		}
		r.environment = append(r.environment, name+"="+value)
	}
	sort.Strings(r.environment)
	if r.term == "" {
		r.term = defaultTerm
	}
	if r.columns == 0 || r.rows == 0 {
		r.columns, r.rows = defaultColumns, defaultRows
	}
	return r, nil
}

func invalid(format string, a ...any) error {
	return fmt.Errorf(format+": %w", append(a, session.ErrInvalid)...)
}

// allowedVariable is the closed list of what a caller may set: nothing that a
// program or the dynamic linker takes orders from.
func allowedVariable(name string) bool {
	if name == "LANG" || name == "COLORTERM" {
		return true
	}
	category, ok := strings.CutPrefix(name, "LC_")
	if !ok || category == "" || len(category) > 20 {
		return false
	}
	for _, c := range []byte(category) {
		if (c < 'A' || c > 'Z') && c != '_' {
			return false
		}
	}
	return true
}

// termName keeps TERM a name in the terminfo database, never a path.
func termName(s string) bool {
	if len(s) > maxTerm || strings.HasPrefix(s, ".") {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-_.+", rune(c)) {
			return false
		}
	}
	return true
}
