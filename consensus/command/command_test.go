package command

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	warrenv1 "warren/api/warren/v1"
)

var update = flag.Bool("update", false, "write golden files that do not exist yet")

func statement(name string) *warrenv1.Statement {
	return &warrenv1.Statement{
		Type:    "warren/" + name + "/v1",
		Payload: []byte("payload of " + name),
		Signatures: []*warrenv1.Signature{
			{Key: bytes.Repeat([]byte{1}, 32), Signature: bytes.Repeat([]byte{2}, 64)},
		},
	}
}

// samples has one body of every kind with every field set.
func samples() map[string]proto.Message {
	return map[string]proto.Message{
		"1-v1-mesh-founded": &warrenv1.MeshFounded{
			Entries: []*warrenv1.Statement{statement("entry"), statement("entry")}, Policy: []byte("{}"),
		},
		"2-v1-entries-appended": &warrenv1.EntriesAppended{Entries: []*warrenv1.Statement{statement("entry")}},
		"3-v1-policy-replaced": &warrenv1.PolicyReplaced{
			Entry: statement("entry"), Policy: []byte(`{"grants":[]}`), IfRevision: 7,
		},
		"4-v1-invite-made":    &warrenv1.InviteMade{Invite: statement("invite")},
		"5-v1-invite-claimed": &warrenv1.InviteClaimed{Claim: statement("claim"), From: "192.0.2.1:41820"},
		"6-v1-claim-rejected": &warrenv1.ClaimRejected{Rejection: statement("rejection")},
		"7-v1-revoked":        &warrenv1.Revoked{Revocation: statement("revocation")},
		"8-v1-format-raised":  &warrenv1.FormatRaised{Format: 2},
		"12-v1-audit-noted":   &warrenv1.AuditNoted{Notes: []*warrenv1.Statement{statement("note"), statement("note")}},
	}
}

func golden(name string) string { return filepath.Join("testdata", "golden", name+".hex") }

var stamp = time.Date(2026, 11, 23, 6, 30, 0, 250e6, time.UTC)

func TestGoldenBytes(t *testing.T) {
	for name, body := range samples() {
		t.Run(name, func(t *testing.T) {
			c, err := New(body)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := c.At(stamp).Encode()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(golden(name)); *update && errors.Is(err, os.ErrNotExist) {
				if err := os.WriteFile(golden(name), []byte(hex.EncodeToString(raw)+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			text, err := os.ReadFile(golden(name))
			if err != nil {
				t.Fatal(err)
			}
			want, err := hex.DecodeString(strings.TrimSpace(string(text)))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(raw, want) {
				t.Errorf("encodes to\n%x, golden is\n%x", raw, want)
			}
			got, err := Decode(want)
			if err != nil {
				t.Fatalf("golden bytes no longer decode: %v", err)
			}
			if diff := cmp.Diff(c.At(stamp), got, protocmp.Transform()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Files of kinds and versions that nobody writes any more stay in testdata.
func TestOldBytesDecodeForEver(t *testing.T) {
	files, err := filepath.Glob(golden("*"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[Kind]bool{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := hex.DecodeString(strings.TrimSpace(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		c, err := Decode(raw)
		if err != nil {
			t.Errorf("%s: %v", f, err)
		}
		seen[c.Kind] = true
	}
	for k := range Kind(100) {
		if k.body() != nil && !seen[k] {
			t.Errorf("no golden bytes of %s", k)
		}
	}
}

func TestUnstampedHasNoTime(t *testing.T) {
	raw, err := Encode(InviteMade, &warrenv1.InviteMade{Invite: statement("invite")})
	if err != nil {
		t.Fatal(err)
	}
	c, err := Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	if !c.Time.IsZero() {
		t.Errorf("time is %s, want none", c.Time)
	}
}

func TestEncodeRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		kind Kind
		body proto.Message
		want error
	}{
		"kind and body differ": {InviteMade, &warrenv1.Revoked{}, ErrUnknownKind},
		"no command":           {Kind(99), &warrenv1.Statement{}, ErrUnknownKind},
		"no body":              {InviteMade, nil, ErrUnknownKind},
		"too large":            {MeshFounded, &warrenv1.MeshFounded{Policy: make([]byte, MaxSize)}, ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Encode(test.kind, test.body); !errors.Is(err, test.want) {
				t.Errorf("error is %v, want %v", err, test.want)
			}
		})
	}
	if _, err := New(&warrenv1.Statement{}); !errors.Is(err, ErrUnknownKind) {
		t.Errorf("New of no command: %v", err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	envelope := func(m *warrenv1.Command) []byte {
		raw, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	newer := protowire.AppendVarint(protowire.AppendTag(nil, 1000, protowire.VarintType), 1)
	inner, err := proto.Marshal(&warrenv1.InviteMade{Invite: statement("invite")})
	if err != nil {
		t.Fatal(err)
	}
	nested := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), newer)
	for name, test := range map[string]struct {
		raw  []byte
		want error
	}{
		"nothing":                  {nil, ErrMalformed},
		"noise":                    {[]byte{0xff, 0xff, 0xff}, ErrMalformed},
		"no kind":                  {envelope(&warrenv1.Command{Version: 1}), ErrMalformed},
		"no version":               {envelope(&warrenv1.Command{Kind: 4}), ErrMalformed},
		"body is noise":            {envelope(&warrenv1.Command{Kind: 4, Version: 1, Body: []byte{0xff}}), ErrMalformed},
		"too large":                {make([]byte, MaxSize+1), ErrMalformed},
		"unknown kind":             {envelope(&warrenv1.Command{Kind: 99, Version: 1}), ErrUnknownKind},
		"a format to come":         {envelope(&warrenv1.Command{Kind: 8, Version: 1, Body: []byte{8, Newest + 1}}), ErrUnknownKind},
		"unknown version":          {envelope(&warrenv1.Command{Kind: 4, Version: 2}), ErrUnknownKind},
		"unknown field":            {append(envelope(&warrenv1.Command{Kind: 4, Version: 1, Body: inner}), newer...), ErrUnknownKind},
		"unknown field in body":    {envelope(&warrenv1.Command{Kind: 4, Version: 1, Body: append(inner, newer...)}), ErrUnknownKind},
		"unknown field far inside": {envelope(&warrenv1.Command{Kind: 2, Version: 1, Body: nested}), ErrUnknownKind},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Decode(test.raw); !errors.Is(err, test.want) {
				t.Errorf("error is %v, want %v", err, test.want)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	for _, body := range samples() {
		c, err := New(body)
		if err != nil {
			f.Fatal(err)
		}
		raw, err := c.At(stamp).Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := Decode(raw)
		if err != nil {
			if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrUnknownKind) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		again, err := c.Encode()
		if err != nil {
			t.Fatalf("decoded but does not encode: %v", err)
		}
		d, err := Decode(again)
		if err != nil {
			t.Fatalf("encoded but does not decode: %v", err)
		}
		if diff := cmp.Diff(c, d, protocmp.Transform()); diff != "" {
			t.Fatal(diff)
		}
	})
}
