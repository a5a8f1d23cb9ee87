package trust_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/trust"
)

func TestDeviceRefused(t *testing.T) {
	l := running(t)
	l = add(t, l, technician(ben, "ben", false), ann)
	for name, c := range map[string]struct {
		edit func(*warrenv1.DeviceRecord)
		want error
	}{
		"a short key":            {func(d *warrenv1.DeviceRecord) { d.Key = d.Key[1:] }, trust.ErrInvalid},
		"no address":             {func(d *warrenv1.DeviceRecord) { d.Ipv4 = nil }, trust.ErrInvalid},
		"an IPv6 address":        {func(d *warrenv1.DeviceRecord) { d.Ipv4 = make([]byte, 16) }, trust.ErrInvalid},
		"an address elsewhere":   {func(d *warrenv1.DeviceRecord) { d.Ipv4 = []byte{10, 0, 0, 1} }, trust.ErrInvalid},
		"the net's address":      {func(d *warrenv1.DeviceRecord) { d.Ipv4 = []byte{100, 97, 0, 0} }, trust.ErrInvalid},
		"the broadcast":          {func(d *warrenv1.DeviceRecord) { d.Ipv4 = []byte{100, 97, 255, 255} }, trust.ErrInvalid},
		"half an invite":         {func(d *warrenv1.DeviceRecord) { d.Invite = []byte{1} }, trust.ErrInvalid},
		"no ownership":           {func(d *warrenv1.DeviceRecord) { d.Ownership = 0 }, trust.ErrInvalid},
		"ownership 9":            {func(d *warrenv1.DeviceRecord) { d.Ownership = 9 }, trust.ErrInvalid},
		"a long site":            {func(d *warrenv1.DeviceRecord) { d.Site = strings.Repeat("x", trust.MaxText+1) }, trust.ErrInvalid},
		"a customer that beeps":  {func(d *warrenv1.DeviceRecord) { d.Customer = "\a" }, trust.ErrInvalid},
		"an owner in two lines":  {func(d *warrenv1.DeviceRecord) { d.Owner = "a\nb" }, trust.ErrInvalid},
		"an end first":           {func(d *warrenv1.DeviceRecord) { d.NotAfter = d.NotBefore }, trust.ErrInvalid},
		"a negative beginning":   {func(d *warrenv1.DeviceRecord) { d.NotBefore = -1 }, trust.ErrInvalid},
		"a beginning in the sun": {func(d *warrenv1.DeviceRecord) { d.NotBefore = 1 << 60 }, trust.ErrInvalid},
		"an end in the sun":      {func(d *warrenv1.DeviceRecord) { d.NotAfter = 1 << 60 }, trust.ErrInvalid},
		"a negative end":         {func(d *warrenv1.DeviceRecord) { d.NotAfter = -1 }, trust.ErrInvalid},
		"33 tags": {func(d *warrenv1.DeviceRecord) {
			for i := range trust.MaxTags + 1 {
				d.Tags = append(d.Tags, fmt.Sprint("t", i))
			}
		}, trust.ErrInvalid},
		"a tag twice":           {func(d *warrenv1.DeviceRecord) { d.Tags = []string{"a", "a"} }, trust.ErrInvalid},
		"a tag in capitals":     {func(d *warrenv1.DeviceRecord) { d.Tags = []string{"A"} }, trust.ErrInvalid},
		"no role":               {func(d *warrenv1.DeviceRecord) { d.Roles = nil }, trust.ErrInvalid},
		"a role twice":          {func(d *warrenv1.DeviceRecord) { d.Roles = []string{"device", "device"} }, trust.ErrInvalid},
		"a role of its own":     {func(d *warrenv1.DeviceRecord) { d.Roles = []string{"admin"} }, trust.ErrInvalid},
		"no name":               {func(d *warrenv1.DeviceRecord) { d.Name = "" }, trust.ErrInvalid},
		"a name in capitals":    {func(d *warrenv1.DeviceRecord) { d.Name = "HUB" }, trust.ErrInvalid},
		"a name of 64":          {func(d *warrenv1.DeviceRecord) { d.Name = strings.Repeat("x", 64) }, trust.ErrInvalid},
		"routes on a device":    {func(d *warrenv1.DeviceRecord) { d.Routes = []string{"192.168.1.0/24"} }, trust.ErrInvalid},
		"hub's name":            {func(d *warrenv1.DeviceRecord) { d.Name = "hub" }, trust.ErrDuplicate},
		"hub's key":             {func(d *warrenv1.DeviceRecord) { d.Key = public(hub) }, trust.ErrDuplicate},
		"hub's address":         {func(d *warrenv1.DeviceRecord) { d.Ipv4 = []byte{100, 97, 0, hub} }, trust.ErrDuplicate},
		"ben's key":             {func(d *warrenv1.DeviceRecord) { d.Key = public(ben) }, trust.ErrDuplicate},
		"the recovery key":      {func(d *warrenv1.DeviceRecord) { d.Key = public(recovery) }, trust.ErrDuplicate},
		"a default route":       {route("0.0.0.0/0"), trust.ErrInvalid},
		"an IPv6 default route": {route("::/0"), trust.ErrInvalid},
		"a route with hosts":    {route("192.168.1.1/24"), trust.ErrInvalid},
		"a route into the mesh": {route("100.97.8.0/24"), trust.ErrInvalid},
		"a route over the mesh": {route("100.0.0.0/8"), trust.ErrInvalid},
		"a route over its IPv6": {route("fd00::/8"), trust.ErrInvalid},
		"a route into its IPv6": {func(d *warrenv1.DeviceRecord) { route(l.Mesh().Prefix().String())(d) }, trust.ErrInvalid},
		"a mapped route":        {route("::ffff:192.168.1.0/120"), trust.ErrInvalid},
		"a route twice":         {route("192.168.1.0/24", "192.168.1.0/24"), trust.ErrInvalid},
		"a route in words":      {route("home"), trust.ErrInvalid},
		"nine routes": {
			route("10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24", "10.0.4.0/24", "10.0.5.0/24", "10.0.6.0/24", "10.0.7.0/24", "10.0.8.0/24"),
			trust.ErrInvalid,
		},
	} {
		got, err := try(t, l, device(box, "box", c.edit), ann)
		refused(t, name, got, err, c.want)
	}
	got, err := try(t, l, (*warrenv1.DeviceRecord)(nil), ann)
	refused(t, "no record", got, err, trust.ErrInvalid)
}

func route(list ...string) func(*warrenv1.DeviceRecord) {
	return func(d *warrenv1.DeviceRecord) { d.Roles, d.Routes = []string{"gateway"}, list }
}

func TestDeviceAccepted(t *testing.T) {
	l := running(t)
	for name, edit := range map[string]func(*warrenv1.DeviceRecord){
		"all roles": func(d *warrenv1.DeviceRecord) {
			d.Roles = []string{"device", "gateway", "controller", "technician", "rendezvous"}
		},
		"eight routes": route("10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24", "10.0.4.0/24", "2001:db8::/64", "10.0.6.0/24", "10.0.7.0/32"),
		"32 tags": func(d *warrenv1.DeviceRecord) {
			for i := range trust.MaxTags {
				d.Tags = append(d.Tags, fmt.Sprint("t", i))
			}
		},
		"the last address": func(d *warrenv1.DeviceRecord) { d.Ipv4 = []byte{100, 97, 255, 254} },
		"without end":      func(d *warrenv1.DeviceRecord) { d.NotAfter = 0 },
		"a technician's name": func(d *warrenv1.DeviceRecord) {
			d.Name = "ann"
		},
		"long words": func(d *warrenv1.DeviceRecord) {
			d.Site, d.Customer, d.Owner, d.Name = strings.Repeat("s", trust.MaxText), strings.Repeat("c", trust.MaxText), strings.Repeat("o", trust.MaxText), strings.Repeat("n", 63)
		},
	} {
		if _, err := try(t, l, device(box, "box", edit), ann); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTechnicianRefused(t *testing.T) {
	l := running(t)
	for name, c := range map[string]struct {
		edit func(*warrenv1.TechnicianRecord)
		want error
	}{
		"no name":          {func(r *warrenv1.TechnicianRecord) { r.Name = "" }, trust.ErrInvalid},
		"a short key":      {func(r *warrenv1.TechnicianRecord) { r.Key = r.Key[1:] }, trust.ErrInvalid},
		"no node":          {func(r *warrenv1.TechnicianRecord) { r.Node = nil }, trust.ErrInvalid},
		"half an invite":   {func(r *warrenv1.TechnicianRecord) { r.Invite = []byte{1} }, trust.ErrInvalid},
		"an end first":     {func(r *warrenv1.TechnicianRecord) { r.NotAfter = 1 }, trust.ErrInvalid},
		"ann's name":       {func(r *warrenv1.TechnicianRecord) { r.Name = "ann" }, trust.ErrDuplicate},
		"ann's key":        {func(r *warrenv1.TechnicianRecord) { r.Key = public(ann) }, trust.ErrDuplicate},
		"the recovery key": {func(r *warrenv1.TechnicianRecord) { r.Key = public(recovery) }, trust.ErrDuplicate},
		"a machine's key":  {func(r *warrenv1.TechnicianRecord) { r.Key = public(hub) }, trust.ErrDuplicate},
		"ann's machine": {func(r *warrenv1.TechnicianRecord) {
			id := nodeID(hub)
			r.Node = id[:]
		}, trust.ErrDuplicate},
	} {
		r := technician(ben, "ben", true)
		c.edit(r)
		got, err := try(t, l, r, ann)
		refused(t, name, got, err, c.want)
	}
	r := technician(ben, "ben", true)
	r.Invite = inviteID[:]
	if tech, ok := add(t, l, r, ann).Technician(public(ben)); !ok || !bytes.Equal(tech.Invite, inviteID[:]) {
		t.Errorf("ben is %+v", tech)
	}
}

func TestControllerRefused(t *testing.T) {
	l := running(t)
	l = add(t, l, device(box, "box"), ann)
	l = add(t, l, device(cam, "cam", controllerRole), ann)
	for name, c := range map[string]struct {
		key  []byte
		want error
	}{
		"a plain device": {public(box), trust.ErrInvalid}, "nobody": {public(stranger), trust.ErrInvalid},
		"no key": {nil, trust.ErrInvalid}, "hub again": {public(hub), trust.ErrDuplicate},
	} {
		got, err := try(t, l, &warrenv1.ControllerRecord{Key: c.key}, ann)
		refused(t, name, got, err, c.want)
	}
	two := add(t, l, &warrenv1.ControllerRecord{Key: public(cam)}, ann)
	if len(two.Controllers()) != 2 || !two.IsController(nodeID(cam)) {
		t.Errorf("controllers %v", two.Controllers())
	}
	l = revokeNode(t, l, cam, ann)
	got, err := try(t, l, &warrenv1.ControllerRecord{Key: public(cam)}, ann)
	refused(t, "a revoked machine", got, err, trust.ErrRevoked)
	two = revokeNode(t, two, cam, ann)
	if two.IsController(nodeID(cam)) || slices.Contains(two.Controllers(), nodeID(cam)) {
		t.Error("a revoked controller still is one")
	}
}

func TestPolicyRefused(t *testing.T) {
	l := running(t)
	for name, m := range map[string]*warrenv1.PolicyRecord{
		"revision 1 again": policy(1), "revision 3": policy(3), "revision 0": policy(0),
		"half a hash": {Hash: make([]byte, 16), Revision: 2}, "nothing": {},
	} {
		got, err := try(t, l, m, ann)
		refused(t, name, got, err, trust.ErrInvalid)
	}
	if hash, revision := add(t, l, policy(2), ann).Policy(); revision != 2 || hash[0] != 2 {
		t.Errorf("policy %x %d", hash, revision)
	}
}

func TestFreeIPv4(t *testing.T) {
	l := running(t)
	one, err := l.FreeIPv4(nodeID(box))
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := l.FreeIPv4(nodeID(box)); again != one {
		t.Errorf("%s, then %s", one, again)
	}
	if other, _ := l.FreeIPv4(nodeID(cam)); other == one {
		t.Error("two machines get one address")
	}
	if one.String() != "100.97.255.241" {
		t.Errorf("the address of a machine has become %s", one)
	}
	// Whoever has it makes the next one free.
	l = add(t, l, device(cam, "cam", func(d *warrenv1.DeviceRecord) { d.Ipv4 = one.AsSlice() }), ann)
	if next, _ := l.FreeIPv4(nodeID(box)); next != one.Next() {
		t.Errorf("after %s comes %s", one, next)
	}
}

// A range of 14 hosts, filled to the last one.
func TestFreeIPv4UntilFull(t *testing.T) {
	l := found(t, func(g *warrenv1.Genesis) { g.Ipv4Range = "192.0.2.240/28" })
	seen := map[string]bool{}
	for n := byte(30); n < 44; n++ {
		a, err := l.FreeIPv4(nodeID(n))
		if err != nil {
			t.Fatalf("after %d: %v", len(seen), err)
		}
		if seen[a.String()] || a.String() == "192.0.2.240" || a.String() == "192.0.2.255" || !l.IPv4Range().Contains(a) {
			t.Errorf("address %s", a)
		}
		seen[a.String()] = true
		l = add(t, l, device(n, fmt.Sprint("d", n), func(d *warrenv1.DeviceRecord) { d.Ipv4 = a.AsSlice() }), ann)
	}
	if a, err := l.FreeIPv4(nodeID(box)); err == nil {
		t.Errorf("a 15th host: %s", a)
	}
	// A revocation frees an address once it is in the chain.
	d, _ := l.Device(nodeID(33))
	l = revokeNode(t, l, 33, ann)
	if _, err := l.FreeIPv4(nodeID(box)); err == nil {
		t.Error("a revocation beside the chain freed an address")
	}
	l = add(t, l, policy(1), ann)
	if a, err := l.FreeIPv4(nodeID(box)); err != nil || a != d.IPv4 {
		t.Errorf("got %s, %v, want %s", a, err, d.IPv4)
	}
}

func TestTimesOfATechnician(t *testing.T) {
	l := running(t)
	r := technician(ben, "ben", true)
	r.NotBefore, r.NotAfter = noon.Unix(), noon.Add(time.Hour).Unix()
	l = add(t, l, r, ann)
	for at, ok := range map[time.Duration]bool{
		-9 * time.Minute: true, -11 * time.Minute: false, 0: true, time.Hour - time.Millisecond: true, time.Hour: false,
	} {
		got, err := l.Append(sign(t, l.Draft(noon.Add(at), device(box, "box")), ben))
		if ok && err != nil {
			t.Errorf("at %s: %v", at, err)
		}
		if !ok {
			refused(t, at.String(), got, err, trust.ErrUnauthorised)
		}
		name, admin, err := l.Inviter(public(ben), noon.Add(at))
		if ok != (err == nil && admin && name == "ben") {
			t.Errorf("inviter at %s: %q %t %v", at, name, admin, err)
		}
	}
}
