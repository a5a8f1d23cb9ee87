package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/spf13/cobra"

	"warren/node"
	"warren/node/fault"
)

func main() {
	runtime.MemProfileRate = 0 // nothing of warren reads that profile, whose table takes 1.4 MB
	if code, ours := node.Inherit(os.Args); ours {
		os.Exit(code)
	}
	os.Exit(run(os.Args[1:], standard()))
}

// run is main without the process: it returns the exit code.
func run(args []string, s streams) int {
	root := newRoot(s)
	root.SetArgs(args)
	verb, err := root.ExecuteContextC(context.Background())
	var exit exitCode
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return int(exit)
	}
	err = advised(verb, err)
	if asked, _ := verb.Flags().GetBool("json"); asked {
		printError(s.err, fault.Of(err))
	}
	fmt.Fprintln(s.err, fault.Format(err))
	return fault.ExitCode(err)
}

// printError writes an error for programs, on one line.
func printError(w io.Writer, f *fault.Error) {
	line, err := json.Marshal(map[string]any{"error": struct {
		Kind    string `json:"kind"`
		Message string `json:"message"`
		Hint    string `json:"hint"`
		Reason  string `json:"reason"`
		ID      string `json:"id"`
	}{f.Kind.String(), f.Error(), f.Hint, f.Reason, f.ID}})
	if err == nil {
		fmt.Fprintln(w, string(line))
	}
}

// advised gives an error that does not say what to do the next best: how the
// verb is written, or what looks for the cause.
func advised(verb *cobra.Command, err error) error {
	f := fault.Of(err)
	switch {
	case f.Hint != "":
		return err
	case f.Kind == fault.Invalid:
		return f.Try("%s --help", verb.CommandPath())
	}
	return f.Try("warren doctor")
}

// untilSignal is for verbs that have something to tidy up when a person or the
// system ends them.
func untilSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
}

// exitCode ends the process with a code and no message: a remote command's.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }
