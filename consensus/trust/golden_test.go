package trust_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/invite"
	"warren/consensus/trust"
	"warren/mesh/identity"
)

var update = flag.Bool("update", false, "write testdata/mesh.txt where it is missing; never an existing one")

// small is a mesh with one of everything, out of fixed keys and times.
func small(t testing.TB) *trust.Log {
	l := running(t)
	l = add(t, l, technician(ben, "ben", true), ann)
	l = add(t, l, device(cam, "cam", gatewayRole, func(d *warrenv1.DeviceRecord) {
		d.Tags, d.Site, d.Customer, d.Owner, d.Ownership, d.Epoch, d.Invite = []string{"a", "b"}, "Zürich", "ACME", "zoe", byod, 3, []byte("ABCDEFGH")
	}), ann, ben)
	inv := open(t, l, 2, ben)
	l = add(t, l, admit(inv, claim(t, l, box, "box", func(m *warrenv1.Claim) { m.Facts = map[string]string{"os": "linux"} })), hub)
	l = revokeNode(t, l, cam, cam)
	l = revokeTechnician(t, l, ben, recovery)
	l = add(t, l, policy(2), ann)
	return revoke(t, l, revocation(t, l, inviteKind, inviteID[:], ann))
}

// The statements in testdata/mesh.txt were written once; every later version
// has to read them, and to the same end.
func TestGoldenMesh(t *testing.T) {
	const path = "testdata/mesh.txt"
	if _, err := os.Stat(path); *update && err != nil {
		writeGolden(t, path, small(t))
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var entries, revocations []*warrenv1.Statement
	var mesh identity.MeshID
	var head string
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		kind, value, ok := strings.Cut(lines.Text(), " ")
		if !ok || kind == "#" {
			continue
		}
		switch kind {
		case "mesh":
			if mesh, err = identity.ParseMeshID(value); err != nil {
				t.Fatal(err)
			}
			continue
		case "head":
			head = value
			continue
		}
		b, err := hex.DecodeString(value)
		if err != nil {
			t.Fatal(err)
		}
		s := &warrenv1.Statement{}
		if err := proto.Unmarshal(b, s); err != nil {
			t.Fatal(err)
		}
		if kind == "entry" {
			entries = append(entries, s)
		} else {
			revocations = append(revocations, s)
		}
	}
	l, err := trust.Open(mesh, entries, revocations)
	if err != nil {
		t.Fatal(err)
	}
	if got := l.Head(); hex.EncodeToString(got[:]) != head || l.Len() != 8 || len(revocations) != 3 {
		t.Errorf("head %x of %d entries, %d revocations", got, l.Len(), len(revocations))
	}
	if got, want := tell(l), tell(small(t)); got != want {
		t.Errorf("the old mesh reads as\n%s\ntoday's is\n%s", got, want)
	}

	// The invite and the claim inside, on their own.
	var e warrenv1.Entry
	if err := proto.Unmarshal(entries[6].GetPayload(), &e); err != nil {
		t.Fatal(err)
	}
	inv, err := invite.Read(e.GetAdmission().GetInvite(), mesh)
	if err != nil || inv.Inviter != "ben" || inv.Uses != 2 || inv.Approval {
		t.Errorf("invite %+v, %v", inv, err)
	}
	c, err := invite.OpenClaim(e.GetAdmission().GetClaim(), inv)
	if err != nil || c.Name != "box" || c.Facts["os"] != "linux" {
		t.Errorf("claim %+v, %v", c, err)
	}
}

func writeGolden(t *testing.T, path string, l *trust.Log) {
	t.Helper()
	var b strings.Builder
	head := l.Head()
	fmt.Fprintf(&b, "# A mesh of fixed keys and times, written once. Never change it: add another file.\nmesh %s\nhead %x\n", l.Mesh(), head)
	for kind, list := range map[string][]*warrenv1.Statement{"entry": l.Entries(0), "revocation": l.Revocations()} {
		for _, s := range list {
			raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%s %x\n", kind, raw)
		}
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
