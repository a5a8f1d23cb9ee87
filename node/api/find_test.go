package api

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	warrenv1 "warren/api/warren/v1"
	"warren/node/fault"
)

// Two machines whose NodeIDs begin alike, found by trying: d626aa34...
const (
	oneTwin   = "15630"
	otherTwin = "129218"
)

func TestFindDevice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cam := w.device("cam", "cam")
	one, other := w.device("twin-1", oneTwin), w.device("twin-2", otherTwin)
	old := w.device("kiosk", "kiosk before")
	w.revokeNode(old)
	kiosk := w.device("kiosk", "kiosk")
	gone := w.device("gone", "gone")
	w.revokeNode(gone)
	log := w.log()
	common := one.ID.String()[:8]
	if common != other.ID.String()[:8] {
		t.Fatal("the twins are none")
	}

	for word, want := range map[string]string{
		"cam": "cam", "CAM": "cam", " cam\n": "cam",
		cam.ID.String(): "cam", cam.ID.String()[:8]: "cam", strings.ToUpper(cam.ID.String()[:12]): "cam",
		cam.IPv4.String(): "cam", log.Mesh().Address(cam.ID).String(): "cam",
		one.ID.String(): "twin-1", other.ID.String()[:14]: "twin-2",
		"kiosk": kiosk.ID.String(), old.ID.String(): old.ID.String(),
		"gone": "gone", // found, so that it can be said that it was revoked
	} {
		d, err := FindDevice(log, word)
		if err != nil || d.Name != want && d.ID.String() != want {
			t.Errorf("%q: %s %s, %v; want %s", word, d.Name, d.ID, err, want)
		}
	}
	for word, want := range map[string]string{
		"":                    `warren: no device "" in this mesh; try: warren devices`,
		"ca":                  `warren: no device "ca" in this mesh; try: warren devices; an id needs 8 characters at least`,
		cam.ID.String()[:7]:   `warren: no device "` + cam.ID.String()[:7] + `" in this mesh; try: warren devices; an id needs 8 characters at least`,
		"nosuchdevice":        `warren: no device "nosuchdevice" in this mesh; try: warren devices`,
		"ffffffff":            `warren: no device "ffffffff" in this mesh; try: warren devices`,
		"10.99.255.254":       `warren: no device "10.99.255.254" in this mesh; try: warren devices`,
		gone.IPv4.String():    `warren: no device "` + gone.IPv4.String() + `" in this mesh; try: warren devices`,
		cam.ID.String() + "0": `warren: no device "` + cam.ID.String() + `0" in this mesh; try: warren devices`,
	} {
		_, err := FindDevice(log, word)
		if got := fault.Format(err); got != want || fault.KindOf(err) != fault.NotFound {
			t.Errorf("%q: %s (%s), want %s", word, got, fault.KindOf(err), want)
		}
	}
	_, err := FindDevice(log, common)
	if got, want := fault.Format(err), `warren: "`+common+`" names 2 devices; try: warren devices, and more of the id`; got != want || fault.KindOf(err) != fault.Conflict {
		t.Errorf("%s: %s, want %s", common, got, want)
	}
	// Were one of them revoked, what is meant is still not plain.
	w.revokeNode(other)
	if _, err := FindDevice(w.log(), common); fault.KindOf(err) != fault.Conflict {
		t.Errorf("one of two was revoked: %v", err)
	}
}

func TestExpressions(t *testing.T) {
	t.Parallel()
	d := &warrenv1.Device{
		Id: "aa", Name: "cam", Role: "device", Tags: []string{"lobby"}, Ownership: "managed", Online: true,
		Joined: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC).Unix(),
	}
	for text, want := range map[string]bool{
		"":                                 true,
		`device.name == "cam"`:             true,
		`"lobby" in device.tags`:           true,
		`"hall" in device.tags`:            false,
		`device.online && !device.revoked`: true,
		`device.name.matches("^c.m$")`:     true,
		`device.joined < timestamp("2026-11-24T00:00:00Z")`: true,
		`has(device.colour)`:                        false,
		`device.site == ""`:                         true,
		`device.tags.exists(t, t.startsWith("lo"))`: true,
	} {
		match, err := compileFilter(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, err := match(d); got != want || err != nil {
			t.Errorf("%s: %v, %v; want %v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		`device.name ==`:                        "the expression: ",
		`devices.name == "x"`:                   "the expression: ",
		`device.name = "x"`:                     "the expression: ",
		`"text"`:                                "the expression gives string, not true or false",
		`device.colour == "red"`:                `the expression, on "cam": no such key: colour`,
		`device.name + 1 == 2`:                  `the expression, on "cam": `,
		`device.name.matches("(")`:              `the expression, on "cam": `,
		strings.Repeat("!", maxFilter) + "true": "the expression has 4100 bytes, at most 4096",
		// Three thousand million steps.
		`[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, [1,2,3,4,5,6,7,8,9,10].all(c, [1,2,3,4,5,6,7,8,9,10].all(d,
			[1,2,3,4,5,6,7,8,9,10].all(e, [1,2,3,4,5,6,7,8,9,10].all(f, [1,2,3,4,5,6,7,8,9,10].all(g, a+b+c+d+e+f+g > 0)))))))`: "the expression, on \"cam\": ",
	} {
		match, err := compileFilter(text)
		if err == nil {
			_, err = match(d)
		}
		if fault.KindOf(err) != fault.Invalid || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.60s: %v (%s), want %s", text, err, fault.KindOf(err), want)
		}
		if line := fault.Format(err); strings.Contains(line, "\n") {
			t.Errorf("%.60s: more than one line: %s", text, line)
		}
	}
}

// FuzzExpression: what people type must not hang or crash the node.
func FuzzExpression(f *testing.F) {
	for _, s := range []string{"", "true", `device.name == "cam"`, `device.tags.exists(t, t == "x")`, `((((`, `device["name"]`, `1/0 == 1`} {
		f.Add(s)
	}
	d := &warrenv1.Device{Name: "cam", Tags: []string{"lobby"}}
	f.Fuzz(func(t *testing.T, text string) {
		match, err := compileFilter(text)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Errorf("%v is not the caller's mistake", err)
			}
			return
		}
		if _, err := match(d); err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%v is not the caller's mistake", err)
		}
	})
}

func TestWhatASessionStandsOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cam := w.device("cam", "cam")
	r, ctx := w.local.Running.Load(), by(t.Context(), 0)
	w.meets(cam)
	if err := r.stands(ctx, cam); err != nil {
		t.Fatal(err)
	}
	w.meets()
	if err := r.stands(ctx, cam); fault.KindOf(err) != fault.Denied || !strings.Contains(err.Error(), "policy") {
		t.Errorf("without a peer: %v", err)
	}
	hub, _ := w.log().Device(r.Self)
	if err := r.stands(ctx, hub); err != nil {
		t.Errorf("this machine itself needs no tunnel: %v", err)
	}
	w.plan.Silent = append(w.plan.Silent, cam.ID)
	if err := r.stands(ctx, cam); err != nil {
		t.Errorf("a machine that has yet to state its keys anew: %v", err)
	}

	ended := make(chan error, 1)
	go func() { ended <- r.lapse(ctx, cam) }()
	w.revokeNode(cam)
	select {
	case err := <-ended:
		if want := `device "cam" was revoked`; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	case <-time.After(20 * time.Second):
		t.Error("a revocation ends no session")
	}
}

func TestAddressesAreIPv6First(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cam := w.device("cam", "cam")
	got := addresses(w.log(), cam)
	if diff := cmp.Diff([]string{w.log().Mesh().Address(cam.ID).String(), cam.IPv4.String()}, got); diff != "" {
		t.Error(diff)
	}
}
