package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	warrenv1 "warren/api/warren/v1"
	"warren/node/care"
	"warren/node/client"
	"warren/node/fault"
	"warren/node/home"
	"warren/node/platform"
)

type bundleJSON struct {
	File  string   `json:"file"`
	Bytes int      `json:"bytes"`
	Items []string `json:"items"`
}

func newBundle(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "bundle [FILE]",
		Short: "Pack what helps somebody else to find out what is wrong",
		Long: `Pack what helps somebody else to find out what is wrong: what doctor says,
status, peers, version, options, the newest lines of the log, what the node is
doing. It holds no key, link or passphrase, but names of machines and people
and their addresses. FILE may be - for standard output.`,
		Example: "  warren bundle\n  warren bundle /tmp/broken.tar.gz",
		Args:    upTo(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := a.dir()
			if err != nil {
				return err
			}
			if _, err := os.Stat(string(d)); errors.Is(err, fs.ErrNotExist) {
				return fault.New(fault.NotFound, "state folder %s does not exist", d).Try("warren init --name MESH, or warren join LINK")
			}
			now := time.Now()
			items, name, err := gather(cmd.Context(), d)
			if err != nil {
				return err
			}
			folder := fmt.Sprintf("warren-%s-%s", name, now.UTC().Format("20060102-150405"))
			var packed bytes.Buffer
			if err := care.Bundle(&packed, folder, now, care.Of(home.At(d)), items); err != nil {
				return err
			}
			file := folder + ".tar.gz"
			if len(args) > 0 {
				file = args[0]
			}
			if file == "-" {
				_, err := a.out.Write(packed.Bytes())
				return err
			}
			if err := writeNew(file, packed.Bytes()); err != nil {
				return err
			}
			out := bundleJSON{File: file, Bytes: packed.Len(), Items: []string{}}
			for _, i := range items {
				out.Items = append(out.Items, i.Name)
			}
			if a.json {
				return a.printJSON(out)
			}
			a.say("%s: %s", file, strings.Join(out.Items, ", "))
			a.say("It names machines, people and addresses; keys, links and passphrases are left out.")
			return nil
		},
	}
}

// gather collects the items; what cannot be had says so in its place. name is
// this machine's.
func gather(ctx context.Context, d platform.Dir) (items []care.Item, name string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*nodeWait)
	defer cancel()
	c := client.NewLocal(d)
	defer c.Close()
	status, serr := c.Node.Status(ctx, &warrenv1.StatusRequest{})
	peers, perr := c.Node.Peers(ctx, &warrenv1.PeersRequest{})
	evidence, eerr := c.Care.Evidence(ctx, &warrenv1.EvidenceRequest{})
	add := func(name string, err error, v any) {
		if err != nil {
			v = map[string]string{"error": fault.Of(err).Message}
		}
		item, jerr := care.JSON(name, v)
		if jerr != nil {
			item = care.Item{Name: name, Text: []byte(jerr.Error())}
		}
		items = append(items, item)
	}
	add("version.json", nil, versionOf())
	add("doctor.json", nil, examine(ctx, d))
	add("status.json", serr, statusOf(status))
	add("peers.json", perr, peersOf(peers))
	items = append(items, care.Options(d))
	if eerr != nil {
		evidence = &warrenv1.EvidenceResponse{Log: fault.Of(eerr).Message + "\n", Goroutines: fault.Of(eerr).Message + "\n"}
	}
	items = append(items, care.Item{Name: "log.txt", Text: []byte(evidence.GetLog())}, care.Item{Name: "goroutines.txt", Text: []byte(evidence.GetGoroutines())})
	name = status.GetNode().GetName()
	if name == "" {
		name = "node"
	}
	return items, name, nil
}

// writeNew writes a file for its owner alone, and never over another.
func writeNew(file string, data []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return fault.New(fault.Conflict, "%s is there already", file).Try("another FILE")
	case errors.Is(err, fs.ErrNotExist):
		return fault.New(fault.NotFound, "the folder of %s does not exist", file).Try("another FILE")
	case err != nil:
		return fault.New(fault.Denied, "write %s: %w", file, errors.Unwrap(err)).Try("another FILE")
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", file, err), os.Remove(file))
	}
	return nil
}
