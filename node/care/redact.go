package care

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"strings"

	"warren/node/home"
)

// Redactor takes secrets out of text: those it was given, in the ways they are
// commonly written, and what looks like a secret of warren.
type Redactor struct{ known *strings.Replacer }

const removed = "[removed]"

// NewRedactor knows the secrets given; short ones are left out, since they
// could be any word.
func NewRedactor(secrets ...[]byte) *Redactor {
	const least = 8
	var pairs []string
	for _, s := range secrets {
		if len(s) < least {
			continue
		}
		for _, written := range []string{
			string(s), hex.EncodeToString(s), strings.ToUpper(hex.EncodeToString(s)),
			base64.RawStdEncoding.EncodeToString(s), base64.RawURLEncoding.EncodeToString(s),
			base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(s),
		} {
			pairs = append(pairs, written, removed)
		}
	}
	return &Redactor{known: strings.NewReplacer(pairs...)}
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
	return NewRedactor(secrets...)
}

// looksSecret finds what is a secret whoever made it.
func looksSecret() []*regexp.Regexp {
	return []*regexp.Regexp{
		// Invite links, and their bodies alone.
		regexp.MustCompile(`(?:https?|warren)://[^\s"']*#[^\s"']*`),
		regexp.MustCompile(`\bw1\.[A-Za-z0-9_-]{16,}`),
		// A recovery key, as init writes it: 32 bytes in groups of four.
		regexp.MustCompile(`\b(?:[A-Z2-7]{4}-){12}[A-Z2-7]{4}\b`),
		// Keys of age, and PEM.
		regexp.MustCompile(`AGE-(?:SECRET|PLUGIN)-[A-Z0-9-]+`),
		regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)`),
		// What somebody calls one.
		regexp.MustCompile(`(?i)\b[\w-]*(?:passphrase|password|passwd|secret|token|api[_-]?key|recovery[_-]?key|private[_-]?key)["']?\s*[:=]\s*(?:"[^"\n]*"|'[^'\n]*'|[^\s,;}]+)`),
	}
}

// Text is s without secrets.
func (r *Redactor) Text(s string) string {
	s = r.known.Replace(s)
	for _, re := range looksSecret() {
		s = re.ReplaceAllString(s, removed)
	}
	return s
}
