package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// sayUsage tells how a verb is written, within 80 columns. Cobra's own way to say so
// in other words is a template, which makes the linker keep every method of
// every type.
func sayUsage(cmd *cobra.Command) error {
	var b strings.Builder
	b.WriteString("Usage:")
	if cmd.Runnable() {
		b.WriteString("\n  " + cmd.UseLine())
	}
	if cmd.HasAvailableSubCommands() {
		b.WriteString("\n  " + cmd.CommandPath() + " [command]")
	}
	b.WriteString("\n")
	if cmd.HasExample() {
		b.WriteString("\nExamples:\n" + cmd.Example + "\n")
	}
	if cmd.HasAvailableSubCommands() {
		for _, g := range cmd.Groups() {
			verbs(&b, cmd, g.ID, g.Title)
		}
		if !cmd.AllChildCommandsHaveGroup() {
			title := "Available Commands:"
			if len(cmd.Groups()) > 0 {
				title = "Additional Commands:"
			}
			verbs(&b, cmd, "", title)
		}
	}
	flags(&b, "Flags:", cmd.LocalFlags())
	flags(&b, "Global Flags:", cmd.InheritedFlags())
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\nUse \"%s [command] --help\" for more information about a command.\n", cmd.CommandPath())
	}
	_, err := fmt.Fprint(cmd.OutOrStderr(), b.String())
	return err
}

func verbs(b *strings.Builder, of *cobra.Command, group, title string) {
	b.WriteString("\n" + title + "\n")
	for _, c := range of.Commands() {
		if c.GroupID == group && (c.IsAvailableCommand() || c.Name() == "help") {
			fmt.Fprintf(b, "  %-*s %s\n", c.NamePadding(), c.Name(), c.Short)
		}
	}
}

func flags(b *strings.Builder, title string, set *pflag.FlagSet) {
	if set.HasAvailableFlags() {
		const columns = 80
		b.WriteString("\n" + title + "\n" + strings.TrimRight(set.FlagUsagesWrapped(columns), " \n") + "\n")
	}
}
