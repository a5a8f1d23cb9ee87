package words

import (
	"fmt"
	"strings"
)

// Code names a sentence.
type Code string

// Why a session is not begun, or ends.
const (
	SaidNo       Code = "said-no"
	JustSaidNo   Code = "just-said-no"
	NoAnswer     Code = "no-answer"
	AskedAlready Code = "asked-already"
	Typing       Code = "typing"
	Stopped      Code = "stopped"
	NotAsked     Code = "not-asked"
	NobodyToAsk  Code = "nobody-to-ask"
	OnlyView     Code = "only-view"
	DisplayEnded Code = "display-ended"
)

// Why there is no display to look at.
const (
	Wayland        Code = "wayland"
	NoServer       Code = "no-server"
	NoDisplay      Code = "no-display"      // name
	OtherDisplays  Code = "other-displays"  // name, those there are
	DisplayRefused Code = "display-refused" // what the server said
	Depth          Code = "depth"           // bits a pixel
	NoDamage       Code = "no-damage"       // extension
	TooLarge       Code = "too-large"       // width, height
	NoSystem       Code = "no-system"
	NoXvfb         Code = "no-xvfb"
	NoWindows      Code = "no-windows"
	VirtualAsNode  Code = "virtual-as-node" // user
	VirtualAsWhom  Code = "virtual-as-whom"
	VirtualNoUser  Code = "virtual-no-user" // user
	VirtualRoot    Code = "virtual-root"
	VirtualFailed  Code = "virtual-failed" // why
	VirtualOnLinux Code = "virtual-on-linux"
)

// What is not possible.
const (
	NoInput         Code = "no-input" // extension
	NoResize        Code = "no-resize"
	FixedSize       Code = "fixed-size"
	RefusedSize     Code = "refused-size"
	SeveralMonitors Code = "several-monitors"
	RealMonitor     Code = "real-monitor" // name
	ViewKeepsSize   Code = "view-keeps-size"
	NoMonitor       Code = "no-monitor" // number
	NoCopyIn        Code = "no-copy-in"
	CopyTooLarge    Code = "copy-too-large"   // MiB
	TooManyCopies   Code = "too-many-copies"  // a minute
	CopyStaysThere  Code = "copy-stays-there" // MiB
	SlowPictures    Code = "slow-pictures"
	LetGoOfKey      Code = "let-go-of-key"
	LetGoOfButton   Code = "let-go-of-button"
	NoSpecial       Code = "no-special" // name
	Other           Code = "other"      // in the device's own words
)

// Why the picture travels as it does.
const (
	Exact       Code = "exact"
	ExactAsked  Code = "exact-asked"
	VideoAsked  Code = "video-asked"
	Allowed     Code = "allowed" // Mbit/s
	Carries     Code = "carries" // Mbit/s
	FallsBehind Code = "falls-behind"
	Took        Code = "took"         // Mbit/s
	FewerPixels Code = "fewer-pixels" // per cent
	NoCodecs    Code = "no-codecs"
	VideoFailed Code = "video-failed" // why
)

// Sentence is one that is said.
type Sentence struct {
	Code Code
	Args []string
}

// maxArg bounds what is put into a sentence, in bytes.
const maxArg = 200

// Say makes the sentence of args.
func (c Code) Say(args ...string) Sentence {
	for i, a := range args {
		if len(a) > maxArg {
			args[i] = strings.ToValidUTF8(a[:maxArg], "")
		}
	}
	return Sentence{c, args}
}

// String is the sentence in English.
func (s Sentence) String() string {
	args := make([]any, len(s.Args))
	for i, a := range s.Args {
		args[i] = a
	}
	return fmt.Sprintf(s.Code.english(), args...)
}
