package trust_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/trust"
	"warren/mesh/identity"
)

func TestFound(t *testing.T) {
	s := sign(t, trust.Genesis(noon, genesis()), ann)
	l, err := trust.Found(s)
	if err != nil {
		t.Fatal(err)
	}
	hash := identity.HashOf(s)
	if l.Mesh() != hash || l.Head() != hash || l.Len() != 1 || l.Name() != "acme" || l.IPv4Range().String() != "100.97.0.0/16" ||
		!l.RecoveryKey().Equal(public(recovery)) || !l.Contains(hash, 0) || l.Contains(hash, 1) {
		t.Errorf("got %s", tell(l))
	}
	tech, ok := l.TechnicianByName("ANN")
	if !ok || !tech.Admin || tech.Node != nodeID(hub) || tech.Revoked || !tech.NotBefore.Equal(noon) || !tech.NotAfter.IsZero() {
		t.Errorf("founder %+v", tech)
	}
	if _, revision := l.Policy(); revision != 0 {
		t.Errorf("policy revision %d before the first", revision)
	}
}

func TestFoundRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*warrenv1.Genesis)
		want error
	}{
		"no name":                   {func(g *warrenv1.Genesis) { g.Name = "" }, trust.ErrInvalid},
		"a name with a dot":         {func(g *warrenv1.Genesis) { g.Name = "a.b" }, trust.ErrInvalid},
		"a short nonce":             {func(g *warrenv1.Genesis) { g.Nonce = g.Nonce[1:] }, trust.ErrInvalid},
		"no recovery key":           {func(g *warrenv1.Genesis) { g.RecoveryKey = nil }, trust.ErrInvalid},
		"no thresholds":             {func(g *warrenv1.Genesis) { g.Thresholds = nil }, trust.ErrInvalid},
		"a threshold of 0":          {func(g *warrenv1.Genesis) { g.Thresholds.Gateway = 0 }, trust.ErrInvalid},
		"a threshold of 17":         {func(g *warrenv1.Genesis) { g.Thresholds.Policy = 17 }, trust.ErrInvalid},
		"no range":                  {func(g *warrenv1.Genesis) { g.Ipv4Range = "" }, trust.ErrInvalid},
		"an IPv6 range":             {func(g *warrenv1.Genesis) { g.Ipv4Range = "fd00::/16" }, trust.ErrInvalid},
		"a range with host bits":    {func(g *warrenv1.Genesis) { g.Ipv4Range = "100.97.0.1/16" }, trust.ErrInvalid},
		"a range too wide":          {func(g *warrenv1.Genesis) { g.Ipv4Range = "0.0.0.0/7" }, trust.ErrInvalid},
		"a range too narrow":        {func(g *warrenv1.Genesis) { g.Ipv4Range = "100.97.0.0/29" }, trust.ErrInvalid},
		"no founder":                {func(g *warrenv1.Genesis) { g.Founder = nil }, trust.ErrUnauthorised},
		"a founder who is no admin": {func(g *warrenv1.Genesis) { g.Founder.Admin = false }, trust.ErrUnauthorised},
		"another founder":           {func(g *warrenv1.Genesis) { g.Founder.Key = public(ben) }, trust.ErrUnauthorised},
		"a founder without name":    {func(g *warrenv1.Genesis) { g.Founder.Name = "" }, trust.ErrInvalid},
		"a founder without node":    {func(g *warrenv1.Genesis) { g.Founder.Node = nil }, trust.ErrInvalid},
		"a founder to come":         {func(g *warrenv1.Genesis) { g.Founder.NotBefore = noon.Add(time.Hour).Unix() }, trust.ErrUnauthorised},
		"a founder who is over":     {func(g *warrenv1.Genesis) { g.Founder.NotBefore, g.Founder.NotAfter = 1, 2 }, trust.ErrUnauthorised},
		"the recovery key":          {func(g *warrenv1.Genesis) { g.RecoveryKey = public(ann) }, trust.ErrDuplicate},
	} {
		l, err := trust.Found(sign(t, trust.Genesis(noon, genesis(c.edit)), ann))
		refused(t, name, l, err, c.want)
	}
	for name, edit := range map[string]func(*warrenv1.Entry){
		"a parent":          func(e *warrenv1.Entry) { e.Parent = make([]byte, 32) },
		"a sequence":        func(e *warrenv1.Entry) { e.Sequence = 1 },
		"a revocation":      func(e *warrenv1.Entry) { e.Revocations = [][]byte{make([]byte, 32)} },
		"another body":      func(e *warrenv1.Entry) { e.Body = &warrenv1.Entry_Device{Device: device(hub, "hub")} },
		"no body":           func(e *warrenv1.Entry) { e.Body = nil },
		"a time in the sun": func(e *warrenv1.Entry) { e.Time = 1 << 62 },
		"a negative time":   func(e *warrenv1.Entry) { e.Time = -1 },
	} {
		e := trust.Genesis(noon, genesis())
		edit(e)
		l, err := trust.Found(sign(t, e, ann))
		refused(t, name, l, err, trust.ErrInvalid)
	}
	l, err := trust.Found(sign(t, trust.Genesis(noon, genesis()), ann, ben))
	refused(t, "two signatures", l, err, trust.ErrUnauthorised)
	l, err = trust.Found(nil)
	refused(t, "nothing", l, err, trust.ErrInvalid)
}

func TestOpen(t *testing.T) {
	l := running(t)
	l = add(t, l, device(box, "box"), ann)
	l = revokeNode(t, l, box, ann)
	got, err := trust.Open(l.Mesh(), l.Entries(0), l.Revocations())
	if err != nil || tell(got) != tell(l) {
		t.Errorf("opened %v\n%s\nwant\n%s", err, tell(got), tell(l))
	}
}

func TestOpenRefuses(t *testing.T) {
	l := running(t)
	other := running(t, func(g *warrenv1.Genesis) { g.Nonce[0]++ })
	entries := l.Entries(0)
	for name, c := range map[string]struct {
		mesh        identity.MeshID
		entries     []*warrenv1.Statement
		revocations []*warrenv1.Statement
		want        error
	}{
		"nothing":                        {l.Mesh(), nil, nil, trust.ErrInvalid},
		"another mesh":                   {other.Mesh(), entries, nil, trust.ErrInvalid},
		"no genesis":                     {l.Mesh(), entries[1:], nil, trust.ErrInvalid},
		"a genesis that is none":         {identity.HashOf(entries[1]), entries[1:], nil, trust.ErrInvalid},
		"a gap":                          {l.Mesh(), append(slices.Clone(entries[:1]), entries[2:]...), nil, trust.ErrParent},
		"two swapped":                    {l.Mesh(), []*warrenv1.Statement{entries[0], entries[2], entries[1]}, nil, trust.ErrParent},
		"another's tail":                 {l.Mesh(), append(slices.Clone(entries[:1]), other.Entries(1)...), nil, trust.ErrParent},
		"a revocation of another mesh":   {l.Mesh(), entries, []*warrenv1.Statement{revocation(t, other, technicianKind, public(ben), ann)}, trust.ErrInvalid},
		"a revocation signed by nobody":  {l.Mesh(), entries, []*warrenv1.Statement{revocation(t, l, technicianKind, public(ben), stranger)}, trust.ErrUnauthorised},
		"a revocation of the last admin": {l.Mesh(), entries, []*warrenv1.Statement{revocation(t, l, technicianKind, public(ann), ann)}, trust.ErrLastAdmin},
	} {
		got, err := trust.Open(c.mesh, c.entries, c.revocations)
		refused(t, name, got, err, c.want)
	}
}

func TestAppend(t *testing.T) {
	l := running(t)
	one, two := sign(t, l.Draft(noon, device(box, "box")), ann), sign(t, l.Draft(noon, device(cam, "cam")), ann)
	next, err := l.Append(one)
	if err != nil {
		t.Fatal(err)
	}
	if next.Head() != identity.HashOf(one) || next.Len() != 5 || !next.Contains(identity.HashOf(one), 4) {
		t.Errorf("head %x of %d", next.Head(), next.Len())
	}
	got, err := next.Append(two)
	refused(t, "a second entry with that parent", got, err, trust.ErrParent)
	got, err = next.Append(one)
	refused(t, "the same entry again", got, err, trust.ErrKnown)

	e := next.Draft(noon, device(cam, "cam"))
	e.Sequence++
	got, err = next.Append(sign(t, e, ann))
	refused(t, "a sequence left out", got, err, trust.ErrParent)
	e.Sequence -= 1
	e.Parent = e.Parent[1:]
	got, err = next.Append(sign(t, e, ann))
	refused(t, "half a parent", got, err, trust.ErrParent)
}

func TestAppendIsAllOrNothing(t *testing.T) {
	l := running(t)
	before := tell(l)
	good := sign(t, l.Draft(noon, device(box, "box")), ann)
	next, err := l.Append(good)
	if err != nil {
		t.Fatal(err)
	}
	bad := sign(t, next.Draft(noon, device(cam, "cam")), stranger)
	got, err := l.Append(good, bad)
	refused(t, "good and bad", got, err, trust.ErrUnauthorised)
	if tell(l) != before {
		t.Error("the old log changed")
	}
	if got, err := l.Append(); err != nil || tell(got) != before {
		t.Errorf("nothing appended: %v", err)
	}
}

// A log is a value: what grows from it leaves it as it was.
func TestLogsDoNotChange(t *testing.T) {
	l := running(t)
	var logs []*trust.Log
	var texts []string
	keep := func(l *trust.Log) *trust.Log {
		logs, texts = append(logs, l), append(texts, tell(l))
		return l
	}
	keep(l)
	for n := byte(30); n < 60; n++ {
		l = keep(add(t, l, device(n, "d"+string('a'+rune(n-30)%26)+string('a'+rune(n-30)/26)), ann))
		if n%3 == 0 {
			l = keep(revokeNode(t, l, n-1, ann))
		}
		keep(add(t, l, policy(2), ann)) // a branch that leads nowhere
	}
	for i, l := range logs {
		if tell(l) != texts[i] {
			t.Fatalf("log %d changed", i)
		}
	}
}

func TestEntryShape(t *testing.T) {
	l := running(t)
	for name, edit := range map[string]func(*warrenv1.Entry){
		"no body":          func(e *warrenv1.Entry) { e.Body = nil },
		"a second genesis": func(e *warrenv1.Entry) { e.Body = &warrenv1.Entry_Genesis{Genesis: genesis()} },
		"a negative time":  func(e *warrenv1.Entry) { e.Time = -1 },
		"half a hash":      func(e *warrenv1.Entry) { e.Revocations = [][]byte{{1, 2}} },
		"257 revocations": func(e *warrenv1.Entry) {
			for range trust.MaxFolds + 1 {
				e.Revocations = append(e.Revocations, make([]byte, 32))
			}
		},
	} {
		e := l.Draft(noon, device(box, "box"))
		edit(e)
		got, err := l.Append(sign(t, e, ann))
		refused(t, name, got, err, trust.ErrInvalid)
	}
	got, err := l.Append(revocation(t, l, nodeKind, make([]byte, 16), ann))
	refused(t, "a revocation as entry", got, err, trust.ErrInvalid)
	got, err = l.Append(nil)
	refused(t, "nothing", got, err, trust.ErrInvalid)
	got, err = try(t, l, "a text", ann)
	refused(t, "a body of no known kind", got, err, trust.ErrInvalid)
}

func TestEveryBitOfAnEntryCounts(t *testing.T) {
	l := running(t)
	l = revokeNode(t, add(t, l, device(cam, "cam"), ann), cam, ann)
	full := device(box, "box", gatewayRole, func(d *warrenv1.DeviceRecord) {
		d.Tags, d.Site, d.Customer, d.Owner, d.NotAfter, d.Epoch, d.Invite = []string{"a", "b"}, "s", "c", "o", noon.Add(time.Hour).Unix(), 3, inviteID[:]
	})
	for _, body := range []any{full, technician(ben, "ben", true), policy(2)} {
		s := sign(t, l.Draft(noon, body), ann)
		if _, err := l.Append(s); err != nil {
			t.Fatal(err)
		}
		flips(s, func(what string, flipped *warrenv1.Statement) {
			if _, err := l.Append(flipped); err == nil {
				t.Errorf("%s of %T flipped passes", what, body)
			}
		})
	}
	g := l.Entries(0)[0]
	flips(g, func(what string, flipped *warrenv1.Statement) {
		if _, err := trust.Found(flipped); err == nil {
			t.Errorf("%s of the genesis flipped passes", what)
		}
	})
	id := nodeID(box)
	r := revocation(t, l, nodeKind, id[:], ann)
	flips(r, func(what string, flipped *warrenv1.Statement) {
		if _, err := l.Revoke(flipped); err == nil {
			t.Errorf("%s of a revocation flipped passes", what)
		}
	})
}

func TestLookups(t *testing.T) {
	l := running(t)
	l = add(t, l, device(box, "box", func(d *warrenv1.DeviceRecord) {
		d.Tags, d.Site, d.Customer, d.Owner, d.Epoch = []string{"till"}, "zh", "acme", "zoe", 4
		d.Ownership, d.NotAfter, d.Invite = byod, noon.Add(time.Hour).Unix(), inviteID[:]
	}), ann)
	l = add(t, l, device(cam, "cam", gatewayRole), ann)
	l = add(t, l, technician(ben, "ben", false), ann)

	d, ok := l.Device(nodeID(box))
	if !ok || d.Name != "box" || d.Tags[0] != "till" || d.Site != "zh" || d.Customer != "acme" || d.Owner != "zoe" || d.Epoch != 4 || d.Ownership != byod ||
		!d.NotAfter.Equal(noon.Add(time.Hour)) || string(d.Invite) != string(inviteID[:]) || d.Approver != "ann" || d.Sequence != 4 || d.IPv4.String() != "100.97.0.21" || d.Role() != "device" {
		t.Errorf("box is %+v", d)
	}
	if d, ok := l.DeviceByName("CAM"); !ok || d.ID != nodeID(cam) || d.Role() != "gateway" || d.Routes[0].String() != "192.168.1.0/24" || !d.NotAfter.IsZero() {
		t.Errorf("cam is %+v", d)
	}
	if d, ok := l.DeviceByKey(public(hub)); !ok || d.Role() != "controller" {
		t.Errorf("hub is %+v", d)
	}
	if role := (trust.Device{Roles: []string{"rendezvous", "technician"}}).Role(); role != "technician" {
		t.Errorf("a technician's machine is a %s", role)
	}
	if tech, ok := l.TechnicianOfNode(nodeID(hub)); !ok || tech.Name != "ann" {
		t.Errorf("hub is %+v's", tech)
	}
	if tech, ok := l.Technician(public(ben)); !ok || tech.Name != "ben" || tech.Admin {
		t.Errorf("ben is %+v", tech)
	}
	if uses := l.InviteUses(inviteID[:]); len(uses) != 1 || uses[0] != nodeID(box) {
		t.Errorf("uses %v", uses)
	}
	if len(l.InviteUses(nil))+len(l.InviteUses(inviteID[:4])) != 0 {
		t.Error("half an invite was used")
	}
	for name, found := range map[string]bool{
		"device":             second(l.Device(nodeID(stranger))),
		"device by name":     second(l.DeviceByName("stranger")),
		"device by key":      second(l.DeviceByKey(public(stranger))),
		"device by half key": second(l.DeviceByKey(public(box)[:16])),
		"technician":         second(l.Technician(public(stranger))),
		"technician by name": second(l.TechnicianByName("stranger")),
		"technician of node": second(l.TechnicianOfNode(nodeID(box))),
	} {
		if found {
			t.Errorf("a %s who is not there was found", name)
		}
	}
	var names []string
	for d := range l.Devices() {
		names = append(names, d.Name)
	}
	if strings.Join(names, " ") != "box cam hub" {
		t.Errorf("devices %q", names)
	}
	for range l.Devices() {
		break
	}
	if l.IsController(nodeID(box)) || !l.IsController(nodeID(hub)) || len(l.Controllers()) != 1 {
		t.Errorf("controllers %v", l.Controllers())
	}
	if hash, revision := l.Policy(); revision != 1 || hash[0] != 1 {
		t.Errorf("policy %x %d", hash, revision)
	}
	if got := l.Entries(4); len(got) != 3 || !proto.Equal(got[0], l.Entries(0)[4]) {
		t.Errorf("%d entries from 4 on", len(got))
	}
	if got := l.Entries(100); len(got) != 0 {
		t.Errorf("%d entries from 100 on", len(got))
	}
}

func second[T any](_ T, ok bool) bool { return ok }

func TestCheckName(t *testing.T) {
	if err := trust.CheckName("cam-3"); err != nil {
		t.Error(err)
	}
	if err := trust.CheckName("Cam 3"); !errors.Is(err, trust.ErrInvalid) || !strings.Contains(err.Error(), "a-z") {
		t.Errorf("got %v", err)
	}
}
