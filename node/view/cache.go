package view

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/policy"
	"warren/consensus/trust"
	"warren/mesh"
	"warren/mesh/identity"
)

// MaxSize bounds a View that comes from elsewhere or from disk.
const MaxSize = 64 << 20

// ErrFork means that another history than ours was offered. The one held
// stays in force.
var ErrFork = errors.New("trust log forks from the one this machine holds")

// ErrGap means that entries between ours and those offered are missing. Ask
// for more.
var ErrGap = errors.New("part of the trust log is missing")

// Storage keeps one file's bytes; a missing file is nil without an error.
type Storage interface {
	Load() ([]byte, error)
	Store(data []byte) error
}

// Now is one consistent picture. It is immutable.
type Now struct {
	Revision   uint64
	Log        *trust.Log // nil until the first part has come
	Policy     *policy.Policy
	PolicyText []byte
	PolicyErr  error // why Policy is nil although there is one
	// Fork is set once a controller told another history than ours.
	Fork error
	// Controller that sent the newest part, and the leader it named.
	Controller, Leader identity.NodeID
	// Voters are the controllers that vote, as it named them. Not to be changed.
	Voters []identity.NodeID
}

// Standing is what a controller's own replica says of the cluster.
type Standing struct {
	Self   identity.NodeID
	Leader identity.NodeID // zero where none is known
	Voters []identity.NodeID
}

// PolicyHash is the SHA-256 of the policy text held, for others to tell
// whether theirs is another.
func (n Now) PolicyHash() [32]byte { return sha256.Sum256(n.PolicyText) }

// Cache holds the newest Now. Safe for concurrent use.
type Cache struct {
	mesh    identity.MeshID
	storage Storage
	facts   *mesh.Directory

	merging sync.Mutex // one change or write at a time; held over the disk write

	mu      sync.Mutex
	now     Now
	stored  uint64 // revision that is on disk
	changed chan struct{}
}

// Open reads the stored View of mesh and verifies it anew.
func Open(meshID identity.MeshID, storage Storage) (*Cache, error) {
	c := &Cache{mesh: meshID, storage: storage, changed: make(chan struct{})}
	c.facts = mesh.NewDirectory(meshID, c.known)
	data, err := storage.Load()
	if err != nil {
		return nil, fmt.Errorf("read view: %w", err)
	}
	if len(data) == 0 {
		return c, nil
	}
	v, err := Decode(data)
	if err != nil {
		return nil, err
	}
	if _, err := c.merge(v); err != nil {
		return nil, fmt.Errorf("stored view: %w", err)
	}
	c.stored = c.now.Revision
	return c, nil
}

// Decode reads a View's bytes, at most MaxSize of them.
func Decode(data []byte) (*warrenv1.View, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("view of %d bytes is over %d", len(data), MaxSize)
	}
	v := &warrenv1.View{}
	if err := proto.Unmarshal(data, v); err != nil {
		return nil, fmt.Errorf("decode view: %w", err)
	}
	return v, nil
}

func (c *Cache) known(id identity.NodeID) bool {
	log := c.Now().Log
	if log == nil {
		return false
	}
	d, ok := log.Device(id)
	return ok && !d.Revoked
}

// Now is the newest picture.
func (c *Cache) Now() Now {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Facts are the members' key and endpoint statements.
func (c *Cache) Facts() *mesh.Directory { return c.facts }

// Watch is closed at the next change of log, policy or revision.
func (c *Cache) Watch() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// Await returns when the revision has come and is stored, or with ctx's error.
func (c *Cache) Await(ctx context.Context, revision uint64) error {
	for {
		watch := c.Watch()
		if c.storedRevision() >= revision {
			return nil
		}
		select {
		case <-watch:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Merge takes over what is newer in v, and stores it before it returns.
// changed is false where v brought nothing new but perhaps a revision.
func (c *Cache) Merge(v *warrenv1.View) (changed bool, err error) {
	c.merging.Lock()
	defer c.merging.Unlock()
	changed, err = c.merge(v)
	if err != nil {
		return changed, err
	}
	return changed, c.keep(changed)
}

// Revoke takes in one revocation, whoever brings it, and stores it before it
// returns. news is false where its target is revoked already; one that its
// signer may not sign, as far as this machine knows, is an error.
func (c *Cache) Revoke(s *warrenv1.Statement) (news bool, err error) {
	c.merging.Lock()
	defer c.merging.Unlock()
	next := c.Now()
	if next.Log == nil {
		return false, errors.New("revocation: this machine has no trust log yet")
	}
	log, err := next.Log.Revoke(s)
	if err != nil || log == next.Log {
		return false, err
	}
	next.Log = log
	c.swap(next, true)
	return true, c.save()
}

func (c *Cache) merge(v *warrenv1.View) (changed bool, err error) {
	if len(v.GetMesh()) > 0 && string(v.GetMesh()) != string(c.mesh[:]) {
		return false, fmt.Errorf("view of another mesh: %w", identity.ErrStatement)
	}
	c.mu.Lock()
	next := c.now
	c.mu.Unlock()
	log, err := grow(c.mesh, next.Log, v)
	if errors.Is(err, ErrFork) || errors.Is(err, ErrGap) {
		return c.revocationsOnly(next, v, err)
	}
	if err != nil {
		return false, err
	}
	changed = log != next.Log
	next.Log = log
	if log != nil {
		adopt(&next, v.GetPolicy())
	}
	changed = changed || string(next.PolicyText) != string(c.Now().PolicyText)
	next.Revision = max(next.Revision, v.GetRevision())
	copy(next.Controller[:], v.GetController())
	copy(next.Leader[:], v.GetLeader())
	if len(v.GetVoters()) > 0 {
		next.Voters = nil
		for _, id := range v.GetVoters() {
			if len(id) == len(identity.NodeID{}) {
				next.Voters = append(next.Voters, identity.NodeID(id))
			}
		}
	}

	c.swap(next, changed)
	for _, f := range v.GetFacts() { // a bad fact is its sender's shame, not a reason to stop
		_, _ = c.facts.Merge(f)
	}
	return changed, nil
}

// revocationsOnly takes from a View whose entries do not fit ours what needs
// no entries: nobody stays in because somebody told another history.
func (c *Cache) revocationsOnly(next Now, v *warrenv1.View, fork error) (bool, error) {
	if next.Log == nil {
		return false, fork
	}
	log, _, err := next.Log.Extend(nil, v.GetRevocations())
	if err != nil {
		return false, errors.Join(fork, err)
	}
	changed := log != next.Log
	if errors.Is(fork, ErrFork) && len(v.GetController()) > 0 { // a peer's word may be garbage, and proves nothing
		next.Fork = fork
	}
	next.Log = log
	c.swap(next, changed)
	if changed {
		fork = errors.Join(fork, c.save())
	}
	return false, fork
}

// Adopt takes over what this machine's own replica has verified already. A
// replica that has just started reads its log anew; until it is as far as this
// machine was, only the leader is news. One that tells another history is
// ErrFork.
func (c *Cache) Adopt(log *trust.Log, policyText []byte, revision uint64, at Standing) error {
	c.merging.Lock()
	defer c.merging.Unlock()
	next := c.Now()
	before := next
	next.Controller, next.Leader, next.Voters = at.Self, at.Leader, at.Voters
	log, err := joined(log, before.Log)
	if err != nil {
		next.Fork = err
		c.swap(next, false)
		return err
	}
	if log != nil {
		next.Log, next.Revision = log, max(revision, next.Revision)
		adopt(&next, policyText)
	}
	changed := next.Log != before.Log || string(next.PolicyText) != string(before.PolicyText)
	c.swap(next, changed)
	return c.keep(changed)
}

// joined is log with the revocations of held that it lacks: those that were
// made while no controller led are entered by and by. It is nil where log is
// not as far as held, and held where log has nothing beyond it.
func joined(log, held *trust.Log) (*trust.Log, error) {
	if held == nil || log == held {
		return log, nil
	}
	older, newer := held, log
	if log.Len() < held.Len() {
		older, newer = log, held
	}
	if !newer.Contains(older.Head(), older.Len()-1) {
		return nil, fmt.Errorf("own replica: %w", ErrFork)
	}
	if log.Len() < held.Len() {
		return nil, nil
	}
	if lacking := Beyond(held, log); len(lacking) > 0 {
		grown, _, err := log.Extend(nil, lacking)
		if err != nil {
			return nil, fmt.Errorf("own replica: %w", err)
		}
		log = grown
	}
	if log.Len() == held.Len() && len(Beyond(log, held)) == 0 {
		return held, nil
	}
	return log, nil
}

// Beyond are the revocations that log has and other has not.
func Beyond(log, other *trust.Log) []*warrenv1.Statement {
	have := map[[32]byte]bool{}
	for _, s := range other.Revocations() {
		have[identity.HashOf(s)] = true
	}
	return slices.DeleteFunc(log.Revocations(), func(s *warrenv1.Statement) bool { return have[identity.HashOf(s)] })
}

// keep stores what Merge or Adopt took over, and tells those who await it.
func (c *Cache) keep(changed bool) error {
	if changed {
		if err := c.save(); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stored < c.now.Revision {
		c.stored = c.now.Revision
		close(c.changed)
		c.changed = make(chan struct{})
	}
	return nil
}

func (c *Cache) storedRevision() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stored
}

func (c *Cache) swap(next Now, changed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	stir := changed || next.Revision != c.now.Revision || next.Leader != c.now.Leader || !slices.Equal(next.Voters, c.now.Voters)
	c.now = next
	if stir {
		close(c.changed)
		c.changed = make(chan struct{})
	}
}

// grow appends what v has beyond log. Nothing of log is ever dropped. A
// revocation that cannot be taken yet, because its signer is not known here,
// comes again with the next View.
func grow(meshID identity.MeshID, log *trust.Log, v *warrenv1.View) (*trust.Log, error) {
	entries, from := v.GetEntries(), v.GetFromSequence()
	if log == nil {
		if len(entries) == 0 {
			return nil, nil
		}
		if from != 0 {
			return nil, fmt.Errorf("view begins at entry %d, and this machine holds none: %w", from, ErrFork)
		}
		return trust.Open(meshID, entries, v.GetRevocations())
	}
	if from > log.Len() {
		return nil, fmt.Errorf("view begins at entry %d, and this machine holds %d: %w", from, log.Len(), ErrGap)
	}
	for len(entries) > 0 && from < log.Len() {
		if !log.Contains(identity.HashOf(entries[0]), from) {
			return nil, fmt.Errorf("entry %d differs: %w", from, ErrFork)
		}
		entries, from = entries[1:], from+1
	}
	grown, _, err := log.Extend(entries, v.GetRevocations())
	return grown, err
}

// adopt takes text as the policy if it is the one the log names. A policy that
// this version cannot read must not keep revocations out: it allows nothing,
// and PolicyErr says why; so does one whose text is withheld.
func adopt(n *Now, text []byte) {
	want, revision := n.Log.Policy()
	switch {
	case revision == 0 || n.PolicyText != nil && sha256.Sum256(n.PolicyText) == want:
		return
	case sha256.Sum256(text) != want:
		// The old one was replaced: it must not stay in force because somebody
		// keeps the new one back.
		n.Policy, n.PolicyText = nil, nil
		n.PolicyErr = fmt.Errorf("the text of policy revision %d has not come yet", revision)
		return
	}
	p, err := policy.Parse(text)
	n.Policy, n.PolicyText, n.PolicyErr = p, text, nil
	if err != nil {
		n.Policy, n.PolicyErr = nil, fmt.Errorf("policy revision %d cannot be read by this version of warren: %w", revision, err)
	}
}

// Whole is everything held, as one View.
func (c *Cache) Whole() *warrenv1.View { return c.Newer(0, [32]byte{}) }

// Newer is what a machine lacks that holds entries of the log and a policy
// with that hash. Facts are all there are.
func (c *Cache) Newer(entries uint64, policyHash [32]byte) *warrenv1.View {
	n := c.Now()
	v := &warrenv1.View{
		Mesh: c.mesh[:], Revision: n.Revision, Facts: c.facts.All(),
		Controller: n.Controller[:], Leader: n.Leader[:],
	}
	for _, id := range n.Voters {
		v.Voters = append(v.Voters, bytes.Clone(id[:]))
	}
	if n.Log == nil {
		return v
	}
	if entries > n.Log.Len() {
		entries = 0 // the other side is ahead or astray: let it compare
	}
	v.FromSequence = entries
	v.Entries = n.Log.Entries(entries)
	v.Revocations = n.Log.Revocations()
	if len(n.PolicyText) > 0 && sha256.Sum256(n.PolicyText) != policyHash {
		v.Policy = n.PolicyText
	}
	return v
}

// Save stores everything held.
func (c *Cache) Save() error {
	c.merging.Lock()
	defer c.merging.Unlock()
	return c.save()
}

// save is Save for who holds merging: one that began with an older picture
// must not end after one with a newer.
func (c *Cache) save() error {
	v := c.Whole()
	v.Leader = nil
	data, err := proto.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode view: %w", err)
	}
	if err := c.storage.Store(data); err != nil {
		return fmt.Errorf("store view: %w", err)
	}
	return nil
}

// storeShare bounds how much of its time a large View spends being stored: a
// twentieth.
const storeShare = 20

// Run stores facts that came without a change of the log, at most every
// period, less often where storing takes long, and once more at the end.
func (c *Cache) Run(ctx context.Context, period time.Duration) error {
	wait := period
	watch := c.facts.Watch()
	for {
		select {
		case <-ctx.Done():
			return c.Save()
		case <-watch:
		}
		select {
		case <-ctx.Done():
			return c.Save()
		case <-time.After(wait):
		}
		began := time.Now()
		watch = c.facts.Watch() // before the picture that Save takes
		if err := c.Save(); err != nil {
			return err
		}
		wait = max(period, storeShare*time.Since(began))
	}
}
