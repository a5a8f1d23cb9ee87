package archive_test

import (
	"bytes"
	"errors"
	"testing"

	"filippo.io/age"
	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/archive"
	"warren/consensus/state"
	"warren/consensus/state/statetest"
)

func backup(t testing.TB) *warrenv1.Backup {
	t.Helper()
	m := statetest.New(t, "acme")
	s := state.New()
	if r := s.Apply(1, m.Command(m.Founding(), 0)); r.Err != nil {
		t.Fatal(r.Err)
	}
	raw, err := s.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	d, ok := s.Log().Device(m.Node.ID())
	if !ok {
		t.Fatal("the founder is no machine")
	}
	return &warrenv1.Backup{
		Format: archive.Format, Snapshot: raw, MeshName: "acme", Name: d.Name, NodeKey: m.Node.Seed(), Time: 1,
	}
}

func sealed(t testing.TB, b *warrenv1.Backup) ([]byte, *age.X25519Identity) {
	t.Helper()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := archive.Seal(&out, b, key.Recipient()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), key
}

func TestSealAndOpen(t *testing.T) {
	b := backup(t)
	file, key := sealed(t, b)
	if bytes.Contains(file, []byte("acme")) {
		t.Error("the file can be read by anybody")
	}
	got, s, err := archive.Open(file, key)
	if err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(got, b) || s.Log().Name() != "acme" {
		t.Errorf("opened %v", got.GetName())
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := archive.Open(file, other); !errors.Is(err, archive.ErrKey) {
		t.Errorf("by another identity: %v", err)
	}
	for _, cut := range []int{0, 10, len(file) / 2, len(file) - 1} {
		if _, _, err := archive.Open(file[:cut], key); !errors.Is(err, archive.ErrAltered) && !errors.Is(err, archive.ErrNotBackup) {
			t.Errorf("cut to %d bytes: %v", cut, err)
		}
	}
	for at := range file {
		bent := bytes.Clone(file)
		bent[at] ^= 1
		if _, _, err := archive.Open(bent, key); err == nil {
			t.Errorf("byte %d of %d may be changed", at, len(file))
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*warrenv1.Backup)
		want error
	}{
		"no format":               {func(b *warrenv1.Backup) { b.Format = 0 }, archive.ErrNotBackup},
		"a newer format":          {func(b *warrenv1.Backup) { b.Format++ }, archive.ErrFormat},
		"half a snapshot":         {func(b *warrenv1.Backup) { b.Snapshot = b.Snapshot[:len(b.Snapshot)/2] }, archive.ErrAltered},
		"no mesh":                 {func(b *warrenv1.Backup) { b.Snapshot = empty(t) }, archive.ErrNotBackup},
		"another machine's key":   {func(b *warrenv1.Backup) { b.NodeKey[0]++ }, archive.ErrNotBackup},
		"half a key":              {func(b *warrenv1.Backup) { b.NodeKey = b.NodeKey[:16] }, archive.ErrNotBackup},
		"another name":            {func(b *warrenv1.Backup) { b.Name = "other" }, archive.ErrNotBackup},
		"another mesh's name":     {func(b *warrenv1.Backup) { b.MeshName = "other" }, archive.ErrNotBackup},
		"half a technician's":     {func(b *warrenv1.Backup) { b.TechnicianKey = b.NodeKey[:16] }, archive.ErrNotBackup},
		"nothing wrong with it":   {func(*warrenv1.Backup) {}, nil},
		"with a technician's key": {func(b *warrenv1.Backup) { b.TechnicianKey = b.NodeKey }, nil},
	} {
		b := backup(t)
		c.edit(b)
		raw, err := proto.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := archive.Decode(raw); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func empty(t *testing.T) []byte {
	t.Helper()
	raw, err := state.New().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// FuzzDecode: what is taken was good and can be sealed again.
func FuzzDecode(f *testing.F) {
	raw, err := proto.Marshal(backup(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(raw[:len(raw)/2])
	f.Add([]byte{8, 1})
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, s, err := archive.Decode(raw)
		if err == nil && (s.Log() == nil || b.GetName() == "") {
			t.Error("a backup of nothing was taken")
		}
	})
}

// FuzzOpen: foreign bytes open nothing.
func FuzzOpen(f *testing.F) {
	file, key := sealed(f, backup(f))
	f.Add(file[:len(file)-1])
	f.Add([]byte("age-encryption.org/v1\n-> X25519 a\nb\n--- c\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		if _, _, err := archive.Open(file, key); err == nil {
			t.Error("foreign bytes are a backup")
		}
	})
}
