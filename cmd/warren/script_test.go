//go:build linux || darwin

package main

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// The scripts run this very program, as processes, on loopback:
//
//	on NAME                 the verbs that follow speak for state folder $WORK/NAME
//	ok VERB ...             must end with 0
//	fails CODE REGEXP VERB  must end with CODE and one sentence that matches
//	exits CODE VERB ...     must end with CODE, as a remote command did
//	until REGEXP VERB ...   is repeated until it ends with 0 and prints a match
//	input FILE              standard input of the next verb
//	as USER                 the uid of what follows; needs root
//	up [FLAG ...]           runs the node and waits for ready
//	starting [FLAG ...]     runs the node and does not wait
//	says REGEXP             waits until the node has said so on stderr
//	halt, crash             end the node with SIGTERM, SIGKILL
//	ended CODE REGEXP       the node ends by itself, or has
//	found NAME              a mesh with one controller, which is up
//	enrol NAME [FLAG ...]   invites with the flags, joins, approves, up
//	json PATH OP ...        looks at what was printed; see look
//	take NAME PATTERN       puts the first match in what was printed, or said, in $NAME
//	bend NAME HOW LINK      puts a changed link in $NAME
//	squat tcp|udp           takes the port of the next up
//	batter HOW FILE ...     damages a state file and starts the node; see batter
//	pipe IN OUT VERB ...    runs a verb between two files, which same compares
//	secretless FILE         has no private key of this folder, nor the link
//	types FILE CODE VERB    runs a verb on a terminal at which somebody types FILE
//	answers FILE CODE VERB  likewise, for a verb that asks
//
// $ME is who runs the tests, $USER a user who may log in and is not
// root, $USERID the number; $CONSOLE is a free port; $MUCH is what a long output has, in
// bytes.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"warren": main})
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setup,
		Condition:           condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"on": on, "as": as, "input": input,
			"ok": ok, "fails": fails, "exits": exits, "until": until,
			"up": up, "starting": starting, "says": says, "halt": halt, "crash": crash, "ended": ended,
			"found": found, "enrol": enrolled,
			"json": look, "take": take, "bend": bend, "squat": squat, "batter": batter,
			"pipe": pipe, "same": same, "secretless": secretless, "types": types, "answers": answers,
		},
	})
}

// patience bounds everything a script waits for: other tests share the machine.
const patience = 60 * time.Second

type storyKey struct{}

// story is what one script has going on.
type story struct {
	nodes map[string]*daemon // by state folder
	stdin string             // file for the next verb
	uid   int                // of the verbs that follow; -1 is this process's own
	last  string             // what the last verb printed, or said where it printed nothing
}

func setup(env *testscript.Env) error {
	s := &story{nodes: map[string]*daemon{}, uid: -1}
	env.Values[storyKey{}] = s
	env.Setenv("WARREN_STATE", filepath.Join(env.WorkDir, "hq"))
	env.Setenv("GORACE", "atexit_sleep_ms=0")
	env.Setenv("HOME", env.WorkDir)
	env.Setenv("LANG", "C.UTF-8")
	me, err := user.Current()
	if err != nil {
		return err
	}
	env.Setenv("ME", me.Username)
	if u, err := user.Lookup(loginName()); err == nil {
		env.Setenv("USER", u.Username)
		env.Setenv("USERID", u.Uid)
	}
	env.Setenv("MUCH", "20000000")
	console, err := freePort()
	if err != nil {
		return err
	}
	env.Setenv("PROGRAM", programDir(env.Getenv("PATH")))
	env.Setenv("CONSOLE", strconv.Itoa(console))
	if race { // the detector makes every byte dear
		env.Setenv("MUCH", "3000000")
	}
	// Verbs that run as another user must get at the program and the folders.
	for _, dir := range []string{env.WorkDir, filepath.Dir(env.WorkDir), programDir(env.Getenv("PATH"))} {
		if err := os.Chmod(dir, 0o755); err != nil {
			return err
		}
	}
	env.Defer(s.endAll)
	return nil
}

// programDir is the private folder that testscript put the program's folder in.
func programDir(path string) string {
	first, _, _ := strings.Cut(path, string(filepath.ListSeparator))
	return filepath.Dir(first)
}

func condition(word string) (bool, error) {
	switch word {
	case "root":
		return os.Getuid() == 0, nil
	case "systemd":
		_, err := os.Stat("/run/systemd/system")
		return err == nil, nil
	case "loginuser":
		return loginName() != "", nil
	}
	return false, fmt.Errorf("unknown condition %q", word)
}

func of(ts *testscript.TestScript) *story {
	s, ok := ts.Value(storyKey{}).(*story)
	if !ok {
		ts.Fatalf("this script has no story")
	}
	return s
}

func usage(ts *testscript.TestScript, neg, fits bool, text string) {
	if neg || !fits {
		ts.Fatalf("usage: %s", text)
	}
}

func on(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "on NAME")
	ts.Setenv("WARREN_STATE", ts.MkAbs(filepath.Join(ts.Getenv("WORK"), args[0])))
}

func as(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "as USER")
	u, err := user.Lookup(args[0])
	ts.Check(err)
	_, err = fmt.Sscan(u.Uid, &of(ts).uid)
	ts.Check(err)
}

func input(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "input FILE")
	of(ts).stdin = ts.MkAbs(args[0])
}
