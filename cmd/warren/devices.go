package main

import (
	"context"
	"fmt"
	"sort"
	"strings"

	"github.com/spf13/cobra"

	warrenv1 "warren/api/warren/v1"
	"warren/node/client"
	"warren/node/fault"
)

type deviceJSON struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Role      string   `json:"role"`
	Addresses []string `json:"addresses"`
	Tags      []string `json:"tags"`
	Site      string   `json:"site"`
	Customer  string   `json:"customer"`
	Ownership string   `json:"ownership"`
	Owner     string   `json:"owner"`
	Online    bool     `json:"online"`
	Revoked   bool     `json:"revoked"`
	Joined    string   `json:"joined"`
	Expires   string   `json:"expires"`
}

func deviceOf(d *warrenv1.Device) deviceJSON {
	return deviceJSON{
		ID: d.GetId(), Name: d.GetName(), Role: d.GetRole(), Addresses: nonNil(d.GetAddresses()),
		Tags: nonNil(d.GetTags()), Site: d.GetSite(), Customer: d.GetCustomer(),
		Ownership: d.GetOwnership(), Owner: d.GetOwner(), Online: d.GetOnline(), Revoked: d.GetRevoked(),
		Joined: stamp(seconds(d.GetJoined())), Expires: stamp(seconds(d.GetExpires())),
	}
}

func newDevices(a *app) *cobra.Command {
	var countBy string
	cmd := &cobra.Command{
		Use:   "devices [EXPRESSION]",
		Short: "List the mesh's machines",
		Long: `List the mesh's machines. EXPRESSION is CEL over the variable device, whose
fields are those of --json: device.role == "gateway" && "kiosk" in device.tags.`,
		Example: "  warren devices\n  warren devices 'device.online && \"server\" in device.tags'\n  warren devices --count-by role",
		Args:    upTo(1),
		RunE: a.asking(func(ctx context.Context, c *client.Local, args []string) error {
			r, err := c.Node.Devices(ctx, &warrenv1.DevicesRequest{Filter: strings.Join(args, "")})
			if err != nil {
				return err
			}
			if countBy != "" {
				return a.countDevices(r.GetDevices(), countBy)
			}
			if a.json {
				out := []deviceJSON{}
				for _, d := range r.GetDevices() {
					out = append(out, deviceOf(d))
				}
				return a.printJSON(out)
			}
			var rows [][]string
			for _, d := range r.GetDevices() {
				state := onlineWord(d.GetOnline())
				if d.GetRevoked() {
					state = "revoked"
				}
				rows = append(rows, []string{
					d.GetName(), d.GetRole(), state, shortest(d.GetAddresses()), dash(strings.Join(d.GetTags(), ",")),
					dash(d.GetSite()), d.GetOwnership(),
				})
			}
			if len(rows) == 0 {
				a.say("No device matches.")
				return nil
			}
			return a.table([]string{"NAME", "ROLE", "STATE", "ADDRESS", "TAGS", "SITE", "OWNERSHIP"}, rows)
		}),
	}
	cmd.Flags().StringVar(&countBy, "count-by", "", "count by a field: role, site, customer, ownership, owner, tags, online, revoked")
	return cmd
}

func (a *app) countDevices(devices []*warrenv1.Device, field string) error {
	counts := map[string]int{}
	for _, d := range devices {
		switch field {
		case "role":
			counts[d.GetRole()]++
		case "site":
			counts[d.GetSite()]++
		case "customer":
			counts[d.GetCustomer()]++
		case "ownership":
			counts[d.GetOwnership()]++
		case "owner":
			counts[d.GetOwner()]++
		case "tags":
			for _, t := range d.GetTags() {
				counts[t]++
			}
		case "online":
			counts[fmt.Sprint(d.GetOnline())]++
		case "revoked":
			counts[fmt.Sprint(d.GetRevoked())]++
		default:
			return fault.New(fault.Invalid, "cannot count by %q", field).
				Try("--count-by role, site, customer, ownership, owner, tags, online or revoked")
		}
	}
	if a.json {
		return a.printJSON(counts)
	}
	var values []string
	for v := range counts {
		values = append(values, v)
	}
	sort.Strings(values)
	var rows [][]string
	for _, v := range values {
		rows = append(rows, []string{dash(v), fmt.Sprint(counts[v])})
	}
	return a.table([]string{strings.ToUpper(field), "DEVICES"}, rows)
}

func newDevice(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "device DEVICE",
		Short:   "Show one machine",
		Example: "  warren device web-1",
		Args:    exactArgs("DEVICE"),
		RunE: a.asking(func(ctx context.Context, c *client.Local, args []string) error {
			r, err := c.Node.Device(ctx, &warrenv1.DeviceRequest{Device: args[0]})
			if err != nil {
				return err
			}
			d := deviceOf(r.GetDevice())
			if a.json {
				return a.printJSON(d)
			}
			state := onlineWord(d.Online)
			if d.Revoked {
				state = "revoked"
			}
			for _, row := range [][2]string{
				{"name", d.Name},
				{"id", d.ID},
				{"role", d.Role},
				{"state", state},
				{"addresses", strings.Join(d.Addresses, ", ")},
				{"tags", dash(strings.Join(d.Tags, ", "))},
				{"site", dash(d.Site)},
				{"customer", dash(d.Customer)},
				{"ownership", d.Ownership},
				{"owner", dash(d.Owner)},
				{"joined", dash(clock(seconds(r.GetDevice().GetJoined())))},
				{"expires", dash(clock(seconds(r.GetDevice().GetExpires())))},
			} {
				fmt.Fprintf(a.out, "%-10s  %s\n", row[0], printable(row[1]))
			}
			return nil
		}),
	}
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
