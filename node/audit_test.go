//go:build unix

package node_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"warren/node/home"
	"warren/node/platform"
)

type auditRecord struct {
	Sequence uint64
	Act      string
	Actors   []struct{ Name string }
	Target   struct{ Name string }
	After    map[string]string
	Reason   string
	Missing  uint64
	Noted    string
}

func (r auditRecord) String() string {
	var who []string
	for _, a := range r.Actors {
		who = append(who, a.Name)
	}
	return fmt.Sprintf("%d %s: %s on %s", r.Sequence, strings.Join(who, "+"), r.Act, r.Target.Name)
}

// audited is the log as a machine's admin sees it.
func (o *machine) audited() []auditRecord {
	o.mesh.t.Helper()
	return read[[]auditRecord](o, "audit", "--limit", "0")
}

// sessionsOn are the sessions on a device: opened, ended, refused, by reason.
func sessionsOn(list []auditRecord, device string) []string {
	var out []string
	for _, r := range list {
		if r.Target.Name == device && strings.HasPrefix(r.Act, "session ") {
			out = append(out, strings.TrimPrefix(r.Act, "session ")+" "+r.Reason)
		}
	}
	return out
}

func TestAuditTellsWhatWasDone(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	hq := m.found()
	anna := m.join(hq, "anna", "--role", "technician", "--admin")
	kiosk := m.join(anna, "kiosk", "--tag", "kiosk")

	anna.must("ping", "kiosk")
	anna.must("shell", "kiosk", "--reason", "one", "--", "true")
	anna.refused(3, "", "shell", "kiosk", "--user", "nobody-of-that-name", "--reason", "two", "--", "true")
	want := []string{"opened one", "ended one", "refused two"}
	until(t, patience, "three notes are in the log", func() bool {
		return sameSessions(sessionsOn(anna.audited(), "kiosk"), want)
	})
	var told []string
	for _, r := range anna.audited() {
		told = append(told, r.String())
	}
	for _, line := range []string{
		"owner: mesh founded on story", "owner: controller named on hq", "owner: invite made on technician",
		"anna: machine claimed on technician", "owner: machine admitted on anna", "owner: technician admitted on anna",
		"anna: invite made on device", "anna: machine admitted on kiosk", "anna: session opened on kiosk",
	} {
		if !strings.Contains(strings.Join(told, "\n"), line) {
			t.Errorf("the log does not tell %q:\n%s", line, strings.Join(told, "\n"))
		}
	}
	kiosk.refused(3, "no technician works from this machine", "audit")
	kiosk.refused(3, "no technician works from this machine", "audit", "verify")

	// With the controller dead sessions go on; a power cut of the device in
	// between loses nothing that was on its disk, and what it cut off is noted
	// as ended.
	hq.crash()
	for _, reason := range []string{"three", "four"} {
		anna.must("shell", "kiosk", "--reason", reason, "--", "true")
		want = append(want, "opened "+reason, "ended "+reason)
	}
	anna.refused(6, "no controller answers", "audit")
	s := anna.open("kiosk")
	want = append(want, "opened ", "ended ")
	time.Sleep(time.Second) // a note is on disk soon after its event, and nothing tells when
	kiosk.crash()
	<-s.done
	kiosk.up()
	until(t, patience, "anna reaches kiosk again", func() bool { return anna.run("ping", "kiosk").code == 0 })
	anna.must("shell", "kiosk", "--reason", "five", "--", "true")
	want = append(want, "opened five", "ended five")

	// They come when a controller is back: all, in order, once.
	hq.up()
	hq.leads()
	until(t, patience, "the notes are in the log", func() bool {
		return len(sessionsOn(anna.audited(), "kiosk")) >= len(want)
	})
	for range 3 { // and through crashes of those that handed them over
		kiosk.crash()
		hq.crash()
		kiosk.up()
		hq.up()
		hq.leads()
	}
	anna.must("ping", "kiosk")
	anna.must("shell", "kiosk", "--reason", "six", "--", "true")
	want = append(want, "opened six", "ended six")
	until(t, patience, "the last note is in the log", func() bool {
		got := sessionsOn(anna.audited(), "kiosk")
		return len(got) > 0 && got[len(got)-1] == "ended six"
	})
	if got := sessionsOn(anna.audited(), "kiosk"); !sameSessions(got, want) {
		t.Errorf("the log has\n%q, want\n%q", got, want)
	}
	for _, r := range anna.audited() {
		if r.Missing != 0 {
			t.Errorf("record %d says that notes are missing", r.Sequence)
		}
	}

	// All machines hold checkpoints, and the log stands up to them.
	for _, o := range []*machine{hq, anna} {
		if out := o.must("audit", "verify"); !strings.Contains(out, "The audit log of hq is whole: ") {
			t.Errorf("verify says %s", out)
		}
	}
	v := read[struct {
		OK                   bool
		Size, Entries, Notes uint64
		Checkpoints, Devices uint32
		Controller           string
		Vouchers             []string
		Findings             []struct{}
	}](anna, "audit", "verify")
	if !v.OK || v.Notes != uint64(len(want)) || v.Devices != 1 || v.Entries < 7 || v.Checkpoints < 2 || v.Controller != "hq" {
		t.Errorf("verified %+v", v)
	}
}

// Any controller shows the log, all compute one root, and a machine holds
// checkpoints of all of them; the leader's death loses no note.
func TestControllersKeepOneAudit(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	hq := m.found()
	all := append([]*machine{hq}, m.grow(hq, "hq-2", "hq-3")...)
	anna := m.join(hq, "anna", "--role", "technician", "--admin")
	kiosk := m.join(anna, "kiosk")
	until(t, patience, "anna reaches kiosk", func() bool { return anna.run("ping", "kiosk").code == 0 })
	anna.must("shell", "kiosk", "--reason", "one", "--", "true")
	until(t, patience, "the notes are in the log", func() bool { return len(sessionsOn(anna.audited(), "kiosk")) == 2 })

	// anna's own key asks each controller by itself.
	key, err := home.At(platform.Dir(anna.dir)).NodeKey()
	if err != nil {
		t.Fatal(err)
	}
	first := hq.records(key)
	for _, o := range all[1:] {
		if got := o.records(key); !slices.EqualFunc(got, first, bytes.Equal) {
			t.Errorf("%s has %d records, hq %d, or others", o.name, len(got), len(first))
		}
	}
	until(t, 2*patience, "anna's log is vouched for by all three", func() bool {
		out := anna.must("audit", "verify")
		return strings.Contains(out, "hq-2") && strings.Contains(out, "hq-3")
	})

	lead := hq.leader()
	m.at(lead).crash()
	anna.must("shell", "kiosk", "--reason", "two", "--", "true")
	until(t, patience, "the notes are in the log without the leader", func() bool {
		r := anna.run("audit", "--json", "--limit", "0")
		return r.code == 0 && strings.Count(r.out, `"two"`) == 2
	})
	m.at(lead).up()
	agree(t, append(all, anna, kiosk)...)
	until(t, patience, "the one that was away has the same log", func() bool {
		a, b := all[0].records(key), all[1].records(key)
		return slices.EqualFunc(a, b, bytes.Equal) && slices.EqualFunc(b, all[2].records(key), bytes.Equal)
	})
	anna.must("controllers", "remove", "hq-3", "--yes")
	list := anna.audited()
	if got := list[len(list)-1].String(); !strings.HasSuffix(got, "anna: controller removed on hq-3") {
		t.Errorf("the last record is %q", got)
	}
	if got := sessionsOn(list, "kiosk"); fmt.Sprint(got) != "[opened one ended one opened two ended two]" {
		t.Errorf("sessions: %q", got)
	}
	anna.must("audit", "verify")
	for _, o := range []*machine{hq, anna, kiosk} {
		if s := o.must("status"); strings.Contains(s, "audit:") {
			t.Errorf("%s warns:\n%s", o.name, s)
		}
	}
}

// sameSessions tells whether got has what want has, each session's own events
// in their order, and all beginnings in theirs. A device may note the end of a
// session after the beginning of the next: the one who left does not wait.
func sameSessions(got, want []string) bool {
	begun := func(list []string) (out []string) {
		for _, event := range list {
			if !strings.HasPrefix(event, "ended ") {
				out = append(out, event)
			}
		}
		return out
	}
	if len(got) != len(want) || !slices.Equal(begun(got), begun(want)) {
		return false
	}
	at := map[string]int{}
	for i, event := range got {
		at[event] = i
	}
	for _, event := range want {
		i, there := at[event]
		reason, ended := strings.CutPrefix(event, "ended ")
		if !there || ended && i < at["opened "+reason] {
			return false
		}
	}
	return len(at) == len(want)
}
