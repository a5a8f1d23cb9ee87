//go:build linux || darwin

package main

import (
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"warren/node/enrol"
)

// bend puts a changed LINK in $NAME: cut and flipped as mail programs do it;
// with another secret, invite id, controller key or mesh as an attacker would,
// checksum included.
func bend(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 3, "bend NAME cut|flip|secret|id|key|mesh LINK")
	name, how, text := args[0], args[1], args[2]
	link, err := enrol.ParseLink(text)
	ts.Check(err)
	switch how {
	case "cut":
		ts.Setenv(name, text[:len(text)-7])
		return
	case "flip":
		at := len(text) - 40
		ts.Setenv(name, text[:at]+strings.Map(func(r rune) rune {
			if r == 'A' {
				return 'B'
			}
			return 'A'
		}, text[at:at+1])+text[at+1:])
		return
	case "secret":
		link.Secret[3] ^= 1
	case "id":
		link.ID[3] ^= 1
	case "key":
		for i := range link.Controllers {
			link.Controllers[i].Node[15] ^= 1
		}
	case "mesh":
		link.Mesh[3] ^= 1
	default:
		ts.Fatalf("bend: unknown word %q", how)
	}
	ts.Setenv(name, link.String(""))
}
