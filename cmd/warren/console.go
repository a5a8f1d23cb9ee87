package main

import (
	"context"
	"errors"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	warrenv1 "warren/api/warren/v1"
	"warren/node/client"
	"warren/node/fault"
)

func newConsole(a *app) *cobra.Command {
	var noOpen bool
	cmd := &cobra.Command{
		Use:   "console",
		Short: "Open the console in a browser",
		Long: `Open the console in a browser of this machine, or print its address where there
is none. The address lets one browser in, once, within five minutes, as the
local user who asked.`,
		Example: "  warren console\n  warren console --no-open",
		Args:    noArgs,
		RunE: a.asking(func(ctx context.Context, c *client.Local, _ []string) error {
			return a.enter(ctx, c, "", noOpen)
		}),
	}
	cmd.Flags().BoolVar(&noOpen, "no-open", false, "print the address, open nothing")
	return cmd
}

// enter lets a browser in, at a page of the console; empty is the first.
func (a *app) enter(ctx context.Context, c *client.Local, page string, noOpen bool) error {
	in, err := c.Console.Enter(ctx, &warrenv1.EnterRequest{})
	if err != nil {
		return err
	}
	url := in.GetUrl()
	if page != "" {
		url += "&to=" + page
	}
	switch {
	case a.json:
		return a.printJSON(map[string]string{"url": url})
	case noOpen || !hasDisplay():
		_, err = fmt.Fprintln(a.out, url)
		return err
	}
	return a.browse(ctx, url)
}

// hasDisplay tells whether a browser could show itself.
func hasDisplay() bool {
	return runtime.GOOS != "linux" || os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != ""
}

// opener is the system's program that opens a file as the user likes it.
func opener(file string) []string {
	switch runtime.GOOS {
	case "darwin":
		return []string{"open", file}
	case "windows":
		return []string{"rundll32", "url.dll,FileProtocolHandler", file}
	}
	return []string{"xdg-open", file}
}

// redirectLife is how long the file that leads to the console stays: a browser
// that has to start first takes a while.
const redirectLife = 10 * time.Second

// browse opens url through a file that only this user reads: an address in the
// arguments of a program is there for all to see.
func (a *app) browse(ctx context.Context, url string) error {
	folder, err := os.MkdirTemp("", "warren-console-")
	if err != nil {
		return fault.New(fault.Internal, "make the file that leads to the console: %w", err).Try("warren console --no-open")
	}
	defer func() { _ = os.RemoveAll(folder) }()
	file := filepath.Join(folder, "console.html")
	ctx, stop := untilSignal(ctx) // the file goes in any case
	defer stop()
	page := fmt.Sprintf("<!doctype html><meta charset=\"utf-8\"><meta name=\"referrer\" content=\"no-referrer\">"+
		"<meta http-equiv=\"refresh\" content=\"0;url=%s\"><title>warren</title>\n", html.EscapeString(url))
	if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
		return fault.New(fault.Internal, "write the file that leads to the console: %w", err).Try("warren console --no-open")
	}
	argv := opener(file)
	err = exec.CommandContext(ctx, argv[0], argv[1:]...).Run() //nolint:gosec // the system's opener, our file
	if err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			_, err = fmt.Fprintln(a.out, url)
			return err
		}
		return fault.New(fault.Unavailable, "%s opened nothing: %w", argv[0], err).Try("warren console --no-open")
	}
	a.say("The console opens in your browser.")
	select {
	case <-time.After(redirectLife):
	case <-ctx.Done():
	}
	return nil
}
