package enrol

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"strings"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/policy"
	"warren/consensus/trust"
	"warren/mesh/identity"
	"warren/node/fault"
	"warren/node/home"
	"warren/node/platform"
	"warren/node/view"
)

// Owner is the name of a mesh's first technician.
const Owner = "owner"

// Founding says what mesh to found.
type Founding struct {
	Mesh string // its name
	Node string // this machine's name in it
	UID  int    // local user who may use the owner's key
	// Range of overlay IPv4 addresses; the zero value picks one that no route
	// of this machine meets.
	Range netip.Prefix
	Now   time.Time
}

// Found makes a mesh of one machine in the folder h: keys, genesis, records,
// default policy and recovery key. It is a conflict where the folder already
// belongs to a mesh.
func Found(h home.Home, f Founding) (home.Member, error) {
	if err := h.Dir().Create(); err != nil {
		return home.Member{}, err
	}
	if err := unclaimed(h); err != nil {
		return home.Member{}, err
	}
	if err := checkName("mesh name", f.Mesh, "--name NAME"); err != nil {
		return home.Member{}, err
	}
	if err := checkName("node name", f.Node, "--node NAME"); err != nil {
		return home.Member{}, err
	}
	if !f.Range.IsValid() {
		picked, err := freeRange()
		if err != nil {
			return home.Member{}, err
		}
		f.Range = picked
	}
	key, err := h.EnsureNodeKey()
	if err != nil {
		return home.Member{}, err
	}
	if _, err := h.EnsureTunnel(); err != nil {
		return home.Member{}, err
	}
	_, owner, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return home.Member{}, fmt.Errorf("make technician key: %w", err)
	}
	recovery, recoveryKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return home.Member{}, fmt.Errorf("make recovery key: %w", err)
	}
	log, text, err := found(f, key, owner, recovery)
	if err != nil {
		return home.Member{}, err
	}
	if err := h.SaveTechnician(home.Technician{Seed: owner.Seed(), UID: f.UID}); err != nil {
		return home.Member{}, err
	}
	if err := writeRecovery(h, f.Mesh, log.Mesh(), recoveryKey); err != nil {
		return home.Member{}, err
	}
	cache, err := view.Open(log.Mesh(), emptied{h.View()})
	if err != nil {
		return home.Member{}, err
	}
	if _, err := cache.Merge(&warrenv1.View{Entries: log.Entries(0), Policy: text}); err != nil {
		return home.Member{}, err
	}
	m := home.Member{Mesh: log.Mesh().String(), MeshName: f.Mesh, Name: f.Node, Role: "controller", Founder: true}
	return m, h.SaveMember(m)
}

func checkName(what, name, hint string) error {
	if identity.ValidName(name) {
		return nil
	}
	return fault.New(fault.Invalid, "%s %q is not 1 to %d of a-z, 0-9 and -, with no - at either end", what, name, identity.MaxName).Try("%s", hint)
}

// unclaimed refuses a folder that belongs to a mesh.
func unclaimed(h home.Home) error {
	m, err := h.Member()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case m.Pending != nil:
		return fault.New(fault.Conflict, "this machine waits for approval in mesh %q", m.MeshName).
			Try("warren up to wait on, or warren leave to give up")
	}
	return fault.New(fault.Conflict, "this machine is in mesh %q already", m.MeshName).Try("warren leave, or another --state DIR")
}

// found is the pure part: the first entries of a mesh and its policy.
func found(f Founding, node identity.NodeKey, owner ed25519.PrivateKey, recovery ed25519.PublicKey) (*trust.Log, []byte, error) {
	nonce := make([]byte, 16)
	if _, err := rand.Read(nonce); err != nil {
		return nil, nil, fmt.Errorf("make nonce: %w", err)
	}
	id := node.ID()
	ownerKey, _ := owner.Public().(ed25519.PublicKey)
	genesis, err := trust.SignEntry(trust.Genesis(f.Now, &warrenv1.Genesis{
		Name: f.Mesh,
		Founder: &warrenv1.TechnicianRecord{
			Name: Owner, Key: ownerKey, Admin: true, Node: id[:], NotBefore: f.Now.Unix(),
		},
		RecoveryKey: recovery,
		Thresholds:  &warrenv1.Thresholds{Admin: 1, Controller: 1, Device: 1, Gateway: 1, Policy: 1},
		Ipv4Range:   f.Range.String(),
		Nonce:       nonce,
	}), owner)
	if err != nil {
		return nil, nil, err
	}
	log, err := trust.Found(genesis)
	if err != nil {
		return nil, nil, err
	}
	ipv4, err := log.FreeIPv4(id)
	if err != nil {
		return nil, nil, err
	}
	text := policy.Default(Owner)
	hash := sha256.Sum256(text)
	for _, body := range []any{
		&warrenv1.DeviceRecord{
			Key: node.Public(), Name: f.Node, Roles: []string{"controller", "technician"},
			Ownership: warrenv1.Ownership_OWNERSHIP_MANAGED, Ipv4: ipv4.AsSlice(), NotBefore: f.Now.Unix(),
		},
		&warrenv1.ControllerRecord{Key: node.Public()},
		&warrenv1.PolicyRecord{Hash: hash[:], Revision: 1},
	} {
		entry, err := trust.SignEntry(log.Draft(f.Now, body), owner)
		if err != nil {
			return nil, nil, err
		}
		if log, err = log.Append(entry); err != nil {
			return nil, nil, err
		}
	}
	return log, text, nil
}

func writeRecovery(h home.Home, name string, mesh identity.MeshID, key ed25519.PrivateKey) error {
	code := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(key.Seed())
	var groups []string
	for len(code) > 4 {
		groups, code = append(groups, code[:4]), code[4:]
	}
	groups = append(groups, code)
	text := fmt.Sprintf(`Recovery key of the warren mesh %q
mesh id %s

%s

Who holds this key can revoke anyone and take the mesh over when every admin
key is lost. Print it or write it down, keep it away from any computer, and
delete this file.
`, name, mesh, strings.Join(groups, "-"))
	return platform.WriteSecret(h.Dir().Recovery(), []byte(text))
}

// emptied forgets what a founding that did not finish left behind.
type emptied struct{ home.ViewFile }

func (emptied) Load() ([]byte, error) { return nil, nil }
