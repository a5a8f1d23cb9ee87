package home

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"warren/mesh/identity"
	"warren/node/fault"
	"warren/node/platform"
)

// Home is one state folder.
type Home struct{ dir platform.Dir }

// At names the folder; it need not exist.
func At(dir platform.Dir) Home { return Home{dir} }

// Dir is the folder.
func (h Home) Dir() platform.Dir { return h.dir }

func (h Home) tunnelPath() string { return h.dir.Path("tunnel.key") }
func (h Home) memberPath() string { return h.dir.Path("member") }

// NodeKey reads the machine's identity. The error is fs.ErrNotExist where
// there is none.
func (h Home) NodeKey() (identity.NodeKey, error) {
	seed, err := h.read(h.dir.NodeKey())
	if err != nil {
		return identity.NodeKey{}, err
	}
	key, err := identity.NodeKeyFromSeed(seed)
	if err != nil {
		return identity.NodeKey{}, fault.New(fault.Invalid, "%s: %w", h.dir.NodeKey(), err)
	}
	return key, nil
}

// EnsureNodeKey reads the machine's identity or makes one.
func (h Home) EnsureNodeKey() (identity.NodeKey, error) {
	key, err := h.NodeKey()
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if key, err = identity.NewNodeKey(); err != nil {
		return key, err
	}
	return key, h.SaveNodeKey(key)
}

// SaveNodeKey makes key this machine's identity.
func (h Home) SaveNodeKey(key identity.NodeKey) error {
	return platform.WriteFile(h.dir.NodeKey(), key.Seed(), 0o600)
}

// Technician is the key of a person, and which local user may have it used.
type Technician struct {
	Seed []byte `json:"seed"`
	UID  int    `json:"uid"`
}

// Technician reads the technician's key; fs.ErrNotExist where there is none.
func (h Home) Technician() (Technician, error) {
	var t Technician
	return t, h.readJSON(h.dir.TechnicianKey(), &t)
}

// SaveTechnician stores a technician's key.
func (h Home) SaveTechnician(t Technician) error {
	return h.writeJSON(h.dir.TechnicianKey(), t)
}

// Member says what this machine is in which mesh.
type Member struct {
	Mesh     string `json:"mesh"`
	MeshName string `json:"mesh_name"`
	Name     string `json:"name"`
	Role     string `json:"role"`
	// Founder tells that the mesh was founded in this folder: it alone may
	// begin a Raft cluster.
	Founder bool `json:"founder,omitempty"`
	// Pending is set while the claim waits for approval.
	Pending *Pending `json:"pending,omitempty"`
	// Controllers the invite named, for a first contact.
	Controllers []Controller `json:"controllers"`
	// OwnerUID is the local user who joined a machine of their own (BYOD); 0
	// elsewhere.
	OwnerUID int `json:"owner_uid,omitempty"`
}

// Pending is an enrolment under way.
type Pending struct {
	// Invite is its id.
	Invite []byte `json:"invite"`
	// Offer and Claim are the statements of invite and claim, protobuf.
	Offer  []byte `json:"offer"`
	Claim  []byte `json:"claim"`
	Phrase string `json:"phrase"`
	// Approval tells that a person has to approve.
	Approval bool `json:"approval"`
}

// Controller is where to find one.
type Controller struct {
	Node    string `json:"node"`
	Address string `json:"address"`
}

// MeshID parses Mesh.
func (m Member) MeshID() (identity.MeshID, error) { return identity.ParseMeshID(m.Mesh) }

// Member reads the membership; fs.ErrNotExist where the folder belongs to no
// mesh.
func (h Home) Member() (Member, error) {
	var m Member
	return m, h.readJSON(h.memberPath(), &m)
}

// SaveMember stores the membership.
func (h Home) SaveMember(m Member) error { return h.writeJSON(h.memberPath(), m) }

// View is the storage of the machine's View.
func (h Home) View() ViewFile { return ViewFile{h} }

// ViewFile is a view.Storage.
type ViewFile struct{ home Home }

// Load reads the stored View; nil where there is none.
func (v ViewFile) Load() ([]byte, error) {
	data, err := v.home.read(v.home.dir.View())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// Store replaces the stored View.
func (v ViewFile) Store(data []byte) error {
	return platform.WriteFile(v.home.dir.View(), data, 0o600)
}

// Notebook is the storage of this machine's notes of its sessions.
func (h Home) Notebook() NoteFile { return NoteFile{h} }

func (h Home) notebookPath() string    { return h.dir.Path("notebook") }
func (h Home) checkpointsPath() string { return h.dir.Path("checkpoints") }

// NoteFile is a notebook.Storage.
type NoteFile struct{ home Home }

// Load reads the notebook; nil where there is none.
func (n NoteFile) Load() (data []byte, old bool, err error) {
	data, old, err = platform.ReadFile(n.home.notebookPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	return data, old, err
}

// Store replaces the notebook.
func (n NoteFile) Store(data []byte) error {
	return platform.WriteFile(n.home.notebookPath(), data, 0o600)
}

// Checkpoints reads what this machine remembers of the audit log; nil where
// there is nothing.
func (h Home) Checkpoints() ([]byte, error) {
	data, err := h.read(h.checkpointsPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// SaveCheckpoints stores what this machine remembers of the audit log.
func (h Home) SaveCheckpoints(data []byte) error {
	return platform.WriteFile(h.checkpointsPath(), data, 0o600)
}

func (h Home) consolePath() string { return h.dir.Path("console.key") }

// ConsoleKey reads the key by which the console knows the bearers it gave;
// fs.ErrNotExist where there is none.
func (h Home) ConsoleKey() ([]byte, error) { return h.read(h.consolePath()) }

// EnsureConsoleKey is ConsoleKey, or makes one; where the file is damaged, all
// bearers end.
func (h Home) EnsureConsoleKey() ([]byte, error) {
	const size = 32
	key, err := h.ConsoleKey()
	switch {
	case err == nil && len(key) == size:
		return key, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, platform.ErrCorrupt):
		return nil, err
	}
	key = make([]byte, size)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("make console key: %w", err)
	}
	return key, platform.WriteFile(h.consolePath(), key, 0o600)
}

// Files are the paths of the state files there may be, the marker first.
func (h Home) Files() []string {
	return []string{h.memberPath(), h.dir.NodeKey(), h.tunnelPath(), h.dir.TechnicianKey(), h.dir.View(), h.notebookPath(), h.checkpointsPath(), h.consolePath()}
}

// Leave removes every trace of membership, keys included, the marker first.
func (h Home) Leave() error {
	for _, path := range h.Files() {
		if err := platform.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove %s: %w", path, err)
		}
	}
	return platform.RemoveAll(h.dir.Raft())
}

func (h Home) read(path string) ([]byte, error) {
	data, _, err := platform.ReadFile(path)
	return data, err
}

func (h Home) readJSON(path string, into any) error {
	data, err := h.read(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fault.New(fault.Invalid, "%s: %w", path, err)
	}
	return nil
}

func (h Home) writeJSON(path string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	return platform.WriteFile(path, data, 0o600)
}
