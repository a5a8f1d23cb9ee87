package main

import (
	"context"

	"github.com/spf13/cobra"

	warrenv1 "warren/api/warren/v1"
	"warren/node/client"
	"warren/node/fault"
)

func newDesktop(a *app) *cobra.Command {
	var view, noOpen bool
	cmd := &cobra.Command{
		Use:   "desktop DEVICE",
		Short: "Look at a device's screen in a browser, and work on it",
		Long: `Look at a device's screen, and work on it, in the console's desktop page. The
address lets one browser in, once, within five minutes, as the local user who
asked. With --view the keyboard and the pointer stay here.`,
		Example: "  warren desktop kiosk-1\n  warren desktop kiosk-1 --view\n  warren desktop kiosk-1 --no-open",
		Args:    exactArgs("DEVICE"),
		RunE: a.asking(func(ctx context.Context, c *client.Local, args []string) error {
			r, err := c.Node.Device(ctx, &warrenv1.DeviceRequest{Device: args[0]})
			if err != nil {
				return err
			}
			d := r.GetDevice()
			if d.GetRevoked() {
				return fault.New(fault.Denied, "device %q was revoked", d.GetName()).Try("warren devices; it can only join anew")
			}
			page := "/devices/" + d.GetId() + "/desktop"
			if view {
				page += "?view"
			}
			return a.enter(ctx, c, page, noOpen)
		}),
	}
	cmd.Flags().BoolVar(&view, "view", false, "only look")
	cmd.Flags().BoolVar(&noOpen, "no-open", false, "print the address, open nothing")
	return cmd
}
