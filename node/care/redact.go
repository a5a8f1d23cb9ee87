package care

import (
	"os"
	"regexp"
	"slices"
	"strings"

	"warren/node/home"
)

// Redactor takes secrets out of text: those it was given, in the ways they are
// commonly written, and what looks like a secret of warren.
type Redactor struct{ known []writing }

const removed = "[removed]"

// NewRedactor knows the secrets given; short ones are left out, since they
// could be any word.
func NewRedactor(secrets ...[]byte) *Redactor {
	const least = 8
	known := writings()
	for _, s := range secrets {
		if len(s) >= least {
			for i := range known {
				known[i].learn(s)
			}
		}
	}
	return &Redactor{known}
}

// Of knows the private keys in a state folder, as far as this user may read
// them: who may not cannot show them either.
func Of(h home.Home) *Redactor {
	var secrets [][]byte
	if k, err := h.NodeKey(); err == nil {
		secrets = append(secrets, k.Seed())
	}
	if t, err := h.Technician(); err == nil {
		secrets = append(secrets, t.Seed)
	}
	if t, err := h.Tunnel(); err == nil {
		secrets = append(secrets, t.WireGuard, t.Disco)
	}
	if k, err := h.ConsoleKey(); err == nil {
		secrets = append(secrets, k)
	}
	if text, err := os.ReadFile(h.Dir().Recovery()); err == nil {
		if k, err := home.ReadRecoveryKey(text); err == nil {
			secrets = append(secrets, k.Seed())
		}
	}
	return NewRedactor(secrets...)
}

// looksSecret finds what is a secret whoever made it.
func looksSecret() []*regexp.Regexp {
	return []*regexp.Regexp{
		// Invite links, and their bodies alone.
		regexp.MustCompile(`(?:https?|warren)://[^\s"']*#[^\s"']*`),
		regexp.MustCompile(`w1\.[A-Za-z0-9_-]{16,}`),
		// A recovery key, as init writes it or people type it: 32 bytes in groups
		// of four.
		regexp.MustCompile(`(?i)\b(?:[A-Z2-7]{4}-?){12}[A-Z2-7]{4}\b`),
		// Keys of age, and PEM.
		regexp.MustCompile(`(?i)AGE-(?:SECRET|PLUGIN)-[A-Z0-9-]+`),
		regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)`),
		// What somebody calls one.
		regexp.MustCompile(`(?i)\b[\w-]*(?:passphrase|password|passwd|secret|token|api[_-]?key|recovery[_-]?key|private[_-]?key)["']?\s*[:=]\s*(?:"[^"\n]*"|'[^'\n]*'|[^\s,;}]+)`),
	}
}

// maxLayers is how often what was found may have been quoted: a link in an
// error that a log line quotes, in JSON.
const maxLayers = 3

// Text is s without secrets.
func (r *Redactor) Text(s string) string {
	var hidden spans
	layer := plain(s)
	for range maxLayers + 1 {
		for i := range r.known {
			r.known[i].find(layer, &hidden)
		}
		for _, re := range looksSecret() {
			for _, at := range re.FindAllIndex(layer.text, -1) {
				hidden.add(layer.span(at[0], at[1]))
			}
		}
		next, quoted := unquoted(layer)
		if !quoted {
			break
		}
		layer = next
	}
	return hidden.cut(s)
}

// span is a part of a text; spans are those that are to go.
type (
	span  struct{ from, to int }
	spans []span
)

// add is called with what overlaps, most of the time: grams of one secret.
func (h *spans) add(s span) {
	if n := len(*h); n > 0 && (*h)[n-1].from <= s.from && s.from <= (*h)[n-1].to {
		(*h)[n-1].to = max((*h)[n-1].to, s.to)
		return
	}
	*h = append(*h, s)
}

// cut is s without them, and without the character at each end that may hold
// bits of both a secret and its neighbour.
func (h spans) cut(s string) string {
	slices.SortFunc(h, func(a, b span) int { return a.from - b.from })
	var out strings.Builder
	done := 0
	for i := 0; i < len(h); {
		from, to := h[i].from, h[i].to
		for i++; i < len(h) && h[i].from <= to; i++ {
			to = max(to, h[i].to)
		}
		if from > 0 && shared(s[from-1]) {
			from--
		}
		if to < len(s) && shared(s[to]) {
			to++
		}
		out.WriteString(s[done:max(done, from)])
		out.WriteString(removed)
		done = max(done, to)
	}
	out.WriteString(s[done:])
	return out.String()
}

func shared(c byte) bool {
	return isDigit(c) || 'a' <= lower(c) && lower(c) <= 'z' || c == '+' || c == '/' || c == '-' || c == '_'
}
