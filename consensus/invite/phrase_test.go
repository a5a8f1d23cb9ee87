package invite_test

import (
	"bytes"
	"crypto/ed25519"
	"slices"
	"strings"
	"testing"

	"warren/consensus/invite"
	"warren/mesh/identity"
)

func TestWords(t *testing.T) {
	words := invite.Words()
	if len(words) != 2048 {
		t.Fatalf("%d words", len(words))
	}
	if !slices.IsSorted(words) {
		t.Error("not sorted: a change is hard to review")
	}
	starts := map[string]string{}
	for _, w := range words {
		if len(w) < 4 || len(w) > 7 || strings.Trim(w, "abcdefghijklmnopqrstuvwxyz") != "" {
			t.Errorf("word %q", w)
		}
		if other, ok := starts[w[:4]]; ok {
			t.Errorf("%q and %q begin alike", other, w)
		}
		starts[w[:4]] = w
	}
}

// The phrase is 66 bits of SHA-256(node key || invite id || mesh id), so two
// versions of warren must say the same.
func TestPhraseIsForEver(t *testing.T) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32)).Public().(ed25519.PublicKey)
	id, mesh := invite.ID{1, 2, 3, 4, 5, 6, 7, 8}, identity.MeshID{9}
	if got, want := invite.Phrase(key, id, mesh), "hickory chase equip raven chicken foam"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPhrase(t *testing.T) {
	key := func(n byte) ed25519.PublicKey {
		return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, 32)).Public().(ed25519.PublicKey)
	}
	base := invite.Phrase(key(1), invite.ID{1}, identity.MeshID{1})
	for name, other := range map[string]string{
		"node":   invite.Phrase(key(2), invite.ID{1}, identity.MeshID{1}),
		"invite": invite.Phrase(key(1), invite.ID{2}, identity.MeshID{1}),
		"mesh":   invite.Phrase(key(1), invite.ID{1}, identity.MeshID{2}),
	} {
		if other == base {
			t.Errorf("another %s has the same phrase", name)
		}
	}
	// Every word has its turn, at every place.
	seen := make([]map[string]bool, 6)
	for n := range 20_000 {
		list := strings.Fields(invite.Phrase(key(1), invite.ID{byte(n), byte(n >> 8)}, identity.MeshID{}))
		if len(list) != 6 {
			t.Fatalf("phrase %q", list)
		}
		for i, w := range list {
			if seen[i] == nil {
				seen[i] = map[string]bool{}
			}
			seen[i][w] = true
		}
	}
	for i, words := range seen {
		if len(words) < 2040 {
			t.Errorf("place %d has seen %d of 2048 words", i, len(words))
		}
	}
}
