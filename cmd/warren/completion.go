package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	warrenv1 "warren/api/warren/v1"
	"warren/node/client"
	"warren/node/fault"
)

func newCompletion(a *app) *cobra.Command {
	shells := []string{"bash", "zsh", "fish"}
	return &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "Print what lets a shell complete verbs, flags and names",
		Long: `Print what lets a shell complete verbs and flags, and, while a node runs here,
the names of devices, technicians, groups and tags.`,
		Example: `  warren completion bash > /etc/bash_completion.d/warren
  warren completion zsh > "${fpath[1]}/_warren"
  warren completion fish > ~/.config/fish/completions/warren.fish`,
		Args:      exactArgs("bash, zsh or fish"),
		ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch root := cmd.Root(); args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.out, true)
			case "zsh":
				return root.GenZshCompletion(a.out)
			case "fish":
				return root.GenFishCompletion(a.out, true)
			}
			return fault.New(fault.Invalid, "no completion for %q", args[0]).Try("warren completion bash, zsh or fish")
		},
	}
}

// words gives what may stand in one place of a command line.
type words func(n *warrenv1.NamesResponse) []string

func devices(n *warrenv1.NamesResponse) []string { return n.GetDevices() }

func technicians(n *warrenv1.NamesResponse) []string { return n.GetTechnicians() }

func tags(n *warrenv1.NamesResponse) []string { return n.GetTags() }

func oneOf(list ...string) words { return func(*warrenv1.NamesResponse) []string { return list } }

// both gives the words of several.
func both(all ...words) words {
	return func(n *warrenv1.NamesResponse) []string {
		var out []string
		for _, w := range all {
			out = append(out, w(n)...)
		}
		return out
	}
}

// after puts a prefix before each word.
func after(prefix string, w words) words {
	return func(n *warrenv1.NamesResponse) []string {
		var out []string
		for _, one := range w(n) {
			out = append(out, prefix+one)
		}
		return out
	}
}

func groups(n *warrenv1.NamesResponse) []string { return n.GetGroups() }

// verbWords are what each verb takes, in order; verbs that are not here and take
// arguments take files.
func verbWords() map[string][]words {
	sources := both(technicians, devices, after("group:", groups), after("tag:", tags), oneOf("role:admin"))
	targets := both(devices, after("tag:", tags), oneOf("role:controller", "role:gateway", "role:device", "role:technician"))
	return map[string][]words{
		"warren ping": {devices}, "warren device": {devices}, "warren shell": {devices}, "warren desktop": {devices},
		"warren revoke": {both(devices, technicians)}, "warren technicians remove": {technicians},
		"warren controllers add": {devices}, "warren controllers remove": {devices},
		"warren policy explain": {sources, targets, oneOf("shell", "view", "control", "files", "forward", "run", "ping", "tcp:22", "udp:53", "icmp")},
	}
}

func flagWords() map[string]map[string]words {
	return map[string]map[string]words{
		"warren invite": {
			"role": oneOf("device", "gateway", "controller", "technician"), "tag": tags,
		},
		"warren up":      {"tun": oneOf("auto", "kernel", "userspace")},
		"warren devices": {"count-by": oneOf("role", "site", "customer", "ownership", "owner", "tags", "online", "revoked")},
	}
}

// completes tells every verb below root what it takes.
func (a *app) completes(root *cobra.Command) {
	args, flags := verbWords(), flagWords()
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		path := cmd.CommandPath()
		if places, ok := args[path]; ok {
			cmd.ValidArgsFunction = func(cmd *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
				if len(given) >= len(places) {
					return nil, cobra.ShellCompDirectiveNoFileComp
				}
				return places[len(given)](a.names(cmd.Context())), cobra.ShellCompDirectiveNoFileComp
			}
		}
		for flag, w := range flags[path] {
			// The only error is a flag that is not there: a test completes each.
			_ = cmd.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
				return w(a.names(cmd.Context())), cobra.ShellCompDirectiveNoFileComp
			})
		}
		for _, c := range cmd.Commands() {
			visit(c)
		}
	}
	visit(root)
}

// namesWait bounds how long somebody who pressed Tab waits.
const namesWait = 500 * time.Millisecond

// names asks the node for the names there are. Without an answer there are
// none: nobody wants to read errors while typing.
func (a *app) names(ctx context.Context) *warrenv1.NamesResponse {
	d, err := a.dir()
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, namesWait)
	defer cancel()
	c := client.NewLocal(d)
	defer c.Close()
	n, err := c.Care.Names(ctx, &warrenv1.NamesRequest{})
	if err != nil {
		return nil
	}
	return n
}
