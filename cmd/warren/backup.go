package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	warrenv1 "warren/api/warren/v1"
	"warren/node/fault"
	"warren/node/home"
	"warren/node/platform"
	"warren/node/rescue"
)

// maxKeyFile bounds passphrase, identity and recovery key files.
const maxKeyFile = 64 << 10

func newBackup(a *app) *cobra.Command {
	var passphrase string
	var recipients []string
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Write all a controller needs to start the mesh anew",
		Long: `Write all a controller needs to start the mesh anew into one encrypted file:
the trust log, the policy, invites and claims, this machine's node key, and the
key of the technician who works from here. Run it on a controller. It is an age
file: keep it and its passphrase apart, for who has both is this controller and
its technician.`,
		Example: "  warren backup mesh.age\n  warren backup --recipient age1... mesh.age",
		Args:    exactArgs("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := os.Lstat(args[0]); err == nil {
				return fault.New(fault.Conflict, "%s exists already", args[0]).Try("another FILE")
			}
			if passphrase != "" && len(recipients) > 0 {
				return fault.New(fault.Invalid, "a backup is for a passphrase or for recipients, not both").Try("one of --passphrase-file and --recipient")
			}
			d, err := a.dir()
			if err != nil {
				return err
			}
			part, stale, err := a.snapshot(cmd)
			if err != nil {
				return err
			}
			b, err := rescue.Complete(home.At(d), part)
			if err != nil {
				return err
			}
			locks := rescue.Locks{Recipients: recipients}
			if len(recipients) == 0 {
				if locks.Passphrase, err = a.passphrase(passphrase, true); err != nil {
					return err
				}
			}
			file, err := locks.Write(b)
			if err != nil {
				return err
			}
			if err := platform.WriteSecret(args[0], file); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(struct {
					File  string `json:"file"`
					Mesh  string `json:"mesh"`
					Node  string `json:"node"`
					Bytes int    `json:"bytes"`
					Stale bool   `json:"stale"`
				}{args[0], b.GetMeshName(), b.GetName(), len(file), stale})
			}
			if stale {
				a.say("warning: no controller leads; changes this machine has not heard of are not in it")
			}
			a.say("%s holds the mesh %s as its controller %s knows it (%s).", args[0], printable(b.GetMeshName()), printable(b.GetName()), size(uint64(len(file))))
			a.say("Who has it and opens it is that controller%s.", map[bool]string{true: ", and its technician"}[len(b.GetTechnicianKey()) > 0])
			return nil
		},
	}
	cmd.Flags().StringVar(&passphrase, "passphrase-file", "", "file whose first line is the passphrase (default: ask)")
	cmd.Flags().StringArrayVar(&recipients, "recipient", nil, "age recipient instead of a passphrase; may be repeated")
	return cmd
}

// snapshot fetches the node's part of a backup.
func (a *app) snapshot(cmd *cobra.Command) (part []byte, stale bool, err error) {
	c, err := a.local()
	if err != nil {
		return nil, false, err
	}
	defer c.Close()
	stream, err := c.Controllers.Snapshot(cmd.Context(), &warrenv1.SnapshotRequest{})
	if err != nil {
		return nil, false, err
	}
	defer stream.Close()
	for stream.Receive() {
		part = append(part, stream.Msg().GetData()...)
		stale = stream.Msg().GetStale()
	}
	return part, stale, stream.Err()
}

// passphrase reads one from a file, or asks for it; twice where a slip of the
// finger would lock the file for good.
func (a *app) passphrase(file string, twice bool) (string, error) {
	if file != "" {
		text, err := readSmall(file)
		if err != nil {
			return "", err
		}
		line, _, _ := strings.Cut(string(text), "\n")
		if line = strings.TrimSuffix(line, "\r"); line == "" {
			return "", fault.New(fault.Invalid, "%s has no passphrase in its first line", file).Try("--passphrase-file FILE with one")
		}
		return line, nil
	}
	if !a.interactive() {
		return "", fault.New(fault.Invalid, "this needs a passphrase, and there is no terminal to ask on").Try("--passphrase-file FILE")
	}
	ask := func(what string) (string, error) {
		fmt.Fprint(a.err, what)
		text, err := term.ReadPassword(int(a.in.Fd()))
		fmt.Fprintln(a.err)
		if err != nil {
			return "", fault.New(fault.Invalid, "read the passphrase: %w", err)
		}
		return string(text), nil
	}
	text, err := ask("Passphrase: ")
	if err != nil {
		return "", err
	}
	if text == "" {
		return "", fault.New(fault.Invalid, "an empty passphrase protects nothing").Try("the same with a few words")
	}
	if twice {
		again, err := ask("The same again: ")
		if err != nil {
			return "", err
		}
		if again != text {
			return "", fault.New(fault.Invalid, "the two passphrases differ").Try("the same again")
		}
	}
	return text, nil
}

// readSmall reads a file that a person keeps a key or passphrase in.
func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, unread(path, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return nil, unread(path, err)
	}
	if len(text) > maxKeyFile {
		return nil, fault.New(fault.Invalid, "%s is too large for what it should hold", path).Try("another FILE")
	}
	return text, nil
}

// unread says why a file that a person named cannot be had.
func unread(file string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.NotFound, "there is no file %s", file).Try("another FILE")
	}
	var path *fs.PathError
	if errors.As(err, &path) { // its text has the name again
		err = path.Err
	}
	return fault.New(fault.Invalid, "cannot read %s: %w", file, err).Try("another FILE")
}

func newRestore(a *app) *cobra.Command {
	var passphrase, identity, recovery string
	var dry bool
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Start the mesh anew from a backup",
		Long: `Start the mesh anew from a backup, on a new machine or on the same one after its
state folder is gone. This machine becomes the controller that the backup was
made on, and the only one: the other controllers lose their right to order, for
they may still hold what came after. Changes made since the backup are lost.
Never do it while more than half of the controllers are up: add a new one then.`,
		Example: "  warren restore mesh.age\n  warren restore --identity key.txt mesh.age",
		Args:    exactArgs("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			d, err := a.dir()
			if err != nil {
				return err
			}
			if err := unclaimed(home.At(d)); err != nil {
				return err
			}
			r, err := a.openBackup(args[0], passphrase, identity)
			if err != nil {
				return err
			}
			key, err := recoveryKey(recovery)
			if err != nil {
				return err
			}
			if !a.json {
				a.say("Backup of the mesh %s, made on its controller %s at %s.", printable(r.Mesh), printable(r.Name), clock(r.Made))
				for _, name := range r.Removed() {
					a.say("%s loses its right to order.", printable(name))
				}
			}
			if !dry {
				if err := a.confirm(fmt.Sprintf("Is this machine to be %s, the only controller?", printable(r.Name))); err != nil {
					return err
				}
				release, err := lockNew(d)
				if err != nil {
					return err
				}
				defer release()
				if err := unclaimed(home.At(d)); err != nil {
					return err
				}
				if err := r.Run(home.At(d), key, platform.CallerUID(), slog.New(slog.DiscardHandler)); err != nil {
					return err
				}
			}
			return a.rescued(r.Mesh, r.Name, r.Removed(), dry, "restored")
		},
	}
	f := cmd.Flags()
	f.StringVar(&passphrase, "passphrase-file", "", "file whose first line is the passphrase (default: ask)")
	f.StringVar(&identity, "identity", "", "age identity file, for a backup made with --recipient")
	f.StringVar(&recovery, "recovery-key", "", "file with the mesh's recovery key, where the backup has no admin's key")
	f.BoolVar(&dry, "dry-run", false, "open and verify the backup, say what would happen, change nothing")
	return cmd
}

// unclaimed refuses a folder that belongs to a mesh.
func unclaimed(h home.Home) error {
	m, err := h.Member()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	return fault.New(fault.Conflict, "this machine is in mesh %q already", m.MeshName).Try("warren leave, or another --state DIR")
}

func (a *app) openBackup(file, passphrase, identity string) (*rescue.Restoration, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, unread(file, err)
	}
	var keys rescue.Keys
	switch {
	case identity != "":
		if keys.Identities, err = readSmall(identity); err != nil {
			return nil, err
		}
	case !bytes.HasPrefix(raw, []byte("age-encryption.org/")):
		return nil, fault.New(fault.Invalid, "%s is no backup of warren", file).Try("a file that warren backup wrote")
	case !rescue.NeedsPassphrase(raw):
		return nil, fault.New(fault.Invalid, "this backup was made for an age recipient").Try("--identity FILE")
	default:
		if keys.Passphrase, err = a.passphrase(passphrase, false); err != nil {
			return nil, err
		}
	}
	return keys.Read(raw)
}
