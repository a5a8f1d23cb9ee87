//go:build unix

package node_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"

	warrenv1 "warren/api/warren/v1"
	"warren/api/warren/v1/warrenv1connect"
	"warren/consensus/audit"
	"warren/mesh/identity"
	"warren/node/client"
	"warren/node/fault"
	"warren/node/home"
	"warren/node/platform"
	"warren/node/port"
)

// evil is a controller that tells another history than before: it has the
// right key and signs what it likes.
type evil struct {
	warrenv1connect.UnimplementedWitnessServiceHandler
	t    *testing.T
	key  identity.NodeKey
	mesh identity.MeshID

	mu  sync.Mutex
	log audit.Log
}

func (e *evil) vouch() *warrenv1.Statement {
	c, err := audit.SignCheckpoint(e.log, e.mesh, e.key, time.Now())
	if err != nil {
		e.t.Error(err)
	}
	return c.Statement
}

// Note takes notes into the log it made up, with proofs that hold there.
func (e *evil) Note(_ context.Context, req *warrenv1.NoteRequest) (*warrenv1.NoteResponse, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range req.GetNotes() {
		hash := identity.HashOf(s)
		e.log = e.log.Append(audit.Encode(&warrenv1.AuditRecord{
			Sequence: e.log.Size(), Time: time.Now().UnixMilli(), Act: warrenv1.AuditAct_AUDIT_ACT_SESSION_OPENED,
			Statement: hash[:], Note: s,
		}))
	}
	out := &warrenv1.NoteResponse{Checkpoint: e.vouch()}
	for i := range req.GetNotes() {
		at := e.log.Size() - uint64(len(req.GetNotes())-i) //nolint:gosec // few
		proof, err := e.log.Inclusion(at, e.log.Size())
		if err != nil {
			return nil, err
		}
		out.Noted = append(out.Noted, &warrenv1.NotedRecord{Record: e.log.Record(at), Proof: proof})
	}
	return out, nil
}

func (e *evil) Consistency(_ context.Context, req *warrenv1.ConsistencyRequest) (*warrenv1.ConsistencyResponse, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	proof, err := e.log.Consistency(req.GetFrom(), req.GetTo())
	return &warrenv1.ConsistencyResponse{Proof: proof}, err
}

func (e *evil) Records(context.Context, *warrenv1.RecordsRequest) (*warrenv1.RecordsResponse, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := &warrenv1.RecordsResponse{Checkpoint: e.vouch()}
	for n := range e.log.Size() {
		out.Records = append(out.Records, e.log.Record(n))
	}
	return out, nil
}

// takeOver is what follows when somebody has a controller's key: it answers in
// the controller's place, with records of its own making.
func (o *machine) takeOver(edit func(records [][]byte) [][]byte) {
	t := o.mesh.t
	t.Helper()
	folder := home.At(platform.Dir(o.dir))
	key, err := folder.NodeKey()
	if err != nil {
		t.Fatal(err)
	}
	member, err := folder.Member()
	if err != nil {
		t.Fatal(err)
	}
	e := &evil{t: t, key: key}
	if e.mesh, err = member.MeshID(); err != nil {
		t.Fatal(err)
	}
	records := o.records(key)
	o.stop()
	for _, raw := range edit(records) {
		e.log = e.log.Append(raw)
	}
	l, err := port.NewListener(port.Config{
		Key: key, Admit: func(identity.NodeID, ed25519.PublicKey, string) error { return nil }, Log: slog.New(slog.DiscardHandler),
	}, port.Node)
	if err != nil {
		t.Fatal(err)
	}
	var doors []net.Listener
	for _, host := range []string{"127.0.0.1", "::1"} {
		if d, err := net.Listen("tcp", net.JoinHostPort(host, fmt.Sprint(o.port))); err == nil {
			doors = append(doors, d)
		}
	}
	mux := http.NewServeMux()
	mux.Handle(warrenv1connect.NewWitnessServiceHandler(e, connect.WithInterceptors(fault.Interceptor())))
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = l.Run(ctx, doors...) })
	wg.Go(func() { _ = port.Serve(ctx, port.Server(mux, port.PeerContext), l.Protocol(port.Node)) })
	t.Cleanup(func() { cancel(); wg.Wait() })
}

// records are those of the running controller, fetched with somebody's key.
func (o *machine) records(key identity.NodeKey) [][]byte {
	o.mesh.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	own, err := home.At(platform.Dir(o.dir)).NodeKey()
	if err != nil {
		o.mesh.t.Fatal(err)
	}
	w := client.NewWitness(key, own.ID(), []string{fmt.Sprintf("127.0.0.1:%d", o.port)})
	defer w.Close()
	var r *warrenv1.RecordsResponse
	until(o.mesh.t, patience, o.name+" shows its log", func() bool { // one that just started reads it anew
		r, err = w.Records(ctx, &warrenv1.RecordsRequest{})
		return err == nil
	})
	return r.GetRecords()
}

func edited(t *testing.T, raw []byte, edit func(*warrenv1.AuditRecord)) []byte {
	t.Helper()
	r, err := audit.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	edit(r)
	return audit.Encode(r)
}

func TestEvilControllerIsFoundOut(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	hq := m.found()
	anna := m.join(hq, "anna", "--role", "technician", "--admin")
	kiosk := m.join(hq, "kiosk")
	until(t, patience, "anna reaches kiosk", func() bool { return anna.run("ping", "kiosk").code == 0 })
	anna.must("shell", "kiosk", "--reason", "one", "--", "true")
	until(t, patience, "the notes are in the log", func() bool { return len(sessionsOn(anna.audited(), "kiosk")) == 2 })
	anna.must("audit", "verify") // from now on anna remembers

	var at uint64
	for _, r := range anna.audited() {
		if r.Act == "invite made" {
			at = r.Sequence // the last one, kiosk's
		}
	}
	warned := func(o *machine) bool {
		s := o.must("status")
		return strings.Contains(s, "audit: hq contradicts") && strings.Contains(s, "revoke that controller")
	}
	if warned(kiosk) || warned(anna) {
		t.Error("somebody is warned before there is a reason")
	}
	hq.takeOver(func(records [][]byte) [][]byte {
		records[at] = edited(t, records[at], func(r *warrenv1.AuditRecord) { r.Actors[0].Name = "anna" })
		return records
	})

	// A device sees it by itself: it has the checkpoint under its last note, and
	// the controller cannot show that its log continues from there. The others
	// hear of it by gossip.
	anna.must("shell", "kiosk", "--reason", "two", "--", "true")
	until(t, patience, "kiosk's status says it", func() bool { return warned(kiosk) })
	until(t, 2*patience, "anna's status says it", func() bool { return warned(anna) })
	kiosk.crash()
	kiosk.up()
	if !warned(kiosk) {
		t.Error("kiosk has forgotten it")
	}

	// Whoever verifies sees which record it is.
	r := anna.run("audit", "verify")
	if r.code != 5 || !strings.Contains(r.err, "warren: the audit log that hq gave contradicts what this machine holds") ||
		!strings.Contains(r.out, fmt.Sprintf("record %d calls owner \"anna\"\n", at)) ||
		!strings.Contains(r.out, "altered, dropped or moved: the log is not the one of") {
		t.Errorf("verify: %v", r)
	}
	var found struct {
		OK       bool
		Findings []struct{ First, Last uint64 }
	}
	if err := json.Unmarshal([]byte(anna.run("--json", "audit", "verify").out), &found); err != nil {
		t.Fatal(err)
	}
	named := false
	for _, f := range found.Findings {
		named = named || f.First == at && f.Last == at
	}
	if found.OK || !named {
		t.Errorf("found %+v, want record %d", found, at)
	}
}
