package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	warrenv1 "warren/api/warren/v1"
	"warren/node/client"
	"warren/node/fault"
)

type pingJSON struct {
	Device string    `json:"device"`
	OK     bool      `json:"ok"`
	Path   pathJSON  `json:"path"`
	RTT    []float64 `json:"rtt_ms"`
}

func newPing(a *app) *cobra.Command {
	var count uint32
	cmd := &cobra.Command{
		Use:     "ping DEVICE",
		Short:   "Measure the way to a device through the mesh",
		Example: "  warren ping web-1\n  warren ping --count 5 fd12:3456:789a::1",
		Args:    exactArgs("DEVICE"),
		RunE: a.asking(func(ctx context.Context, c *client.Local, args []string) error {
			if count == 0 || count > 100 {
				return fault.New(fault.Invalid, "--count %d is not between 1 and 100", count).Try("--count 5")
			}
			stream, err := c.Node.Ping(ctx, &warrenv1.PingRequest{Device: args[0], Count: count})
			if err != nil {
				return err
			}
			defer stream.Close()
			out := pingJSON{Device: args[0], RTT: []float64{}, Path: pathJSON{Kind: "none"}}
			for stream.Receive() {
				m := stream.Msg()
				out.Device, out.Path = m.GetDevice(), pathOf(m.GetPath())
				if !m.GetOk() {
					continue
				}
				out.OK = true
				out.RTT = append(out.RTT, m.GetRttMs())
				if !a.json {
					fmt.Fprintf(a.out, "pong from %s in %.1f ms, %s\n", printable(m.GetDevice()), m.GetRttMs(), pathWords(m.GetPath()))
				}
			}
			if err := stream.Err(); err != nil {
				return err
			}
			if a.json {
				if err := a.printJSON(out); err != nil {
					return err
				}
			}
			if !out.OK {
				reason := out.Path.Reason
				if reason == "" {
					reason = "no answer"
				}
				return fault.New(fault.Unavailable, "device %q is offline: %s", out.Device, reason).Try("warren peers")
			}
			return nil
		}),
	}
	cmd.Flags().Uint32VarP(&count, "count", "c", 1, "how many pongs to wait for")
	return cmd
}
