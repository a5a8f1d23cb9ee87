package invite

import (
	"crypto/ed25519"
	"crypto/sha256"
	_ "embed"
	"strings"

	"warren/mesh/identity"
)

const (
	phraseWords = 6
	wordBits    = 11
)

//go:embed words.txt
var wordsText string

// words are 2^wordBits words; the index of one is wordBits bits of a phrase.
func words() []string { return strings.Split(strings.TrimSuffix(wordsText, "\n"), "\n") }

// Phrase is what the joiner and the approver read to each other: six words,
// 66 bits of SHA-256(node key || invite id || mesh id). No controller chooses
// any of it.
func Phrase(node ed25519.PublicKey, id ID, mesh identity.MeshID) string {
	h := sha256.New()
	h.Write(node)
	h.Write(id[:])
	h.Write(mesh[:])
	sum := h.Sum(nil)
	list := words()
	out := make([]string, phraseWords)
	for i := range out {
		bit := i * wordBits
		n := uint32(sum[bit/8])<<16 | uint32(sum[bit/8+1])<<8 | uint32(sum[bit/8+2])
		out[i] = list[n>>(24-wordBits-bit%8)&(1<<wordBits-1)]
	}
	return strings.Join(out, " ")
}
