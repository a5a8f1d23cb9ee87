package main

import (
	"github.com/spf13/cobra"

	warrenv1 "warren/api/warren/v1"
)

func newDown(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "down",
		Short:   "Stop this machine's node",
		Example: "  warren down",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.local()
			if err != nil {
				return err
			}
			defer c.Close()
			_, err = c.Node.Down(cmd.Context(), &warrenv1.DownRequest{})
			return err
		},
	}
}
