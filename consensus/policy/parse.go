package policy

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/tailscale/hujson"
)

// Parse reads a policy text. The error is of type Errors. Names are not looked
// up here: groups and declared tags must be defined in the text itself, while
// technicians and devices are the Directory's.
func Parse(text []byte) (*Policy, error) {
	r := &reader{places: newPlaces(string(text[:min(len(text), MaxText)]))}
	root, ok := r.syntax(text)
	if ok {
		r.policy(root)
		r.references()
	}
	if err := r.errs.sorted(); err != nil {
		return nil, err
	}
	return &r.out, nil
}

// reader walks the syntax tree, fills out and collects mistakes.
type reader struct {
	places *places
	out    Policy
	errs   Errors
}

func (r *reader) fail(at Place, format string, args ...any) {
	// Beyond the limit errors are dropped anyway, but those found late may
	// stand early in the text.
	if len(r.errs) < 8*MaxErrors {
		r.errs = append(r.errs, at.errorf(format, args...))
	}
}

func (r *reader) place(v *hujson.Value) Place { return r.places.at(v.StartOffset) }

func (r *reader) syntax(text []byte) (*hujson.Value, bool) {
	if len(text) > MaxText {
		r.fail(Place{1, 1}, "the policy has %d bytes; at most %d are read", len(text), MaxText)
		return nil, false
	}
	if i := invalidUTF8(text); i >= 0 {
		r.fail(r.places.at(i), "not UTF-8 text")
		return nil, false
	}
	if i := tooDeep(text); i >= 0 {
		r.fail(r.places.at(i), "nested deeper than %d", maxDepth)
		return nil, false
	}
	v, err := hujson.Parse(text)
	if err != nil {
		r.fail(r.syntaxPlace(err), "%s", syntaxMessage(err))
		return nil, false
	}
	return &v, true
}

// syntaxPlace takes the place out of the library's message, which alone has
// it, and turns its column of bytes into one of characters.
func (r *reader) syntaxPlace(err error) Place {
	var line, column int
	if _, e := fmt.Sscanf(err.Error(), "hujson: line %d, column %d:", &line, &column); e != nil ||
		line < 1 || line > len(r.places.lines) {
		return Place{1, 1}
	}
	return r.places.at(r.places.lines[line-1] + column - 1)
}

func syntaxMessage(err error) string {
	if inner := errors.Unwrap(err); inner != nil {
		err = inner
	}
	msg := strings.Map(func(c rune) rune {
		if c < ' ' {
			return ' '
		}
		return c
	}, err.Error())
	if runes := []rune(msg); len(runes) > 100 {
		msg = string(runes[:100]) + "..."
	}
	return msg
}

func invalidUTF8(text []byte) int {
	for i := 0; i < len(text); {
		c, n := utf8.DecodeRune(text[i:])
		if c == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// tooDeep finds the first bracket nested deeper than maxDepth. The syntax
// parser is recursive, so this must be known before it runs.
func tooDeep(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{', '[':
			if depth++; depth > maxDepth {
				return i
			}
		case '}', ']':
			depth--
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '/':
			i = skipComment(text, i)
		}
	}
	return -1
}

// skipComment gives the index of the last byte of the comment at i, or i.
func skipComment(text []byte, i int) int {
	end := ""
	switch {
	case bytes.HasPrefix(text[i:], []byte("//")):
		end = "\n"
	case bytes.HasPrefix(text[i:], []byte("/*")):
		end = "*/"
	default:
		return i
	}
	n := bytes.Index(text[i+2:], []byte(end))
	if n < 0 {
		return len(text)
	}
	return i + 2 + n + len(end) - 1
}

// field reads one member of an object.
type field struct {
	key  string
	read func(*hujson.Value)
}

// object calls the fields' readers for the members of v. what names v in
// messages, as in "a grant".
func (r *reader) object(v *hujson.Value, what string, fields ...field) bool {
	keys := join(fields, func(f field) string { return f.key })
	return r.members(v, what, func(at Place, key string, value *hujson.Value) {
		for _, f := range fields {
			if f.key == key {
				f.read(value)
				return
			}
		}
		r.fail(at, "unknown key %s; %s has %s", quote(key), what, keys)
	})
}

func (r *reader) members(v *hujson.Value, what string, each func(at Place, key string, value *hujson.Value)) bool {
	obj, ok := v.Value.(*hujson.Object)
	if !ok {
		r.fail(r.place(v), "%s must be an object {...}, not %s", what, kindOf(v))
		return false
	}
	seen := make(map[string]bool, len(obj.Members))
	for i := range obj.Members {
		m := &obj.Members[i]
		name, _ := m.Name.Value.(hujson.Literal)
		key, at := name.String(), r.place(&m.Name)
		if seen[key] {
			r.fail(at, "key %s stands here a second time", quote(key))
			continue
		}
		seen[key] = true
		each(at, key, &m.Value)
	}
	return true
}

// list calls each for the elements of v. An empty list is a mistake unless
// empty says otherwise.
func (r *reader) list(v *hujson.Value, what string, empty bool, each func(*hujson.Value)) {
	arr, ok := v.Value.(*hujson.Array)
	if !ok {
		r.fail(r.place(v), "%s must be a list [...], not %s", what, kindOf(v))
		return
	}
	if len(arr.Elements) == 0 && !empty {
		r.fail(r.place(v), "%s is empty; leave it out or name something", what)
	}
	for i := range arr.Elements {
		each(&arr.Elements[i])
	}
}

func (r *reader) text(v *hujson.Value, what string) (string, bool) {
	lit, ok := v.Value.(hujson.Literal)
	if !ok || lit.Kind() != '"' {
		r.fail(r.place(v), "%s must be a text in quotes, not %s", what, kindOf(v))
		return "", false
	}
	return lit.String(), true
}

func (r *reader) truth(v *hujson.Value, what string) bool {
	lit, ok := v.Value.(hujson.Literal)
	if !ok || lit.Kind() != 't' && lit.Kind() != 'f' {
		r.fail(r.place(v), "%s must be true or false, not %s", what, kindOf(v))
		return false
	}
	return lit.Bool()
}

func kindOf(v *hujson.Value) string {
	switch v.Value.Kind() {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a text"
	case '0':
		return "a number"
	case 't', 'f':
		return "true or false"
	}
	return "null"
}
