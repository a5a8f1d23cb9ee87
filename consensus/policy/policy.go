package policy

import (
	"slices"
	"strconv"
	"strings"
)

// Bounds of a text. A policy of 1,000 grants is about 150 KiB.
const (
	MaxText   = 256 << 10 // bytes
	MaxGrants = 1000
	MaxTests  = 1000
	maxDepth  = 16
)

// Policy is a parsed text. It is immutable: read only.
type Policy struct {
	// Groups and Tags are in the order of the text.
	Groups []Group
	Tags   []Tag
	Grants []Grant
	Tests  []Test

	declared bool // "tags" is present
}

// Group is a set of technicians under one name, written without "group:".
type Group struct {
	Name    string
	Members []Member
	Place
}

// Member is a technician's name in a group.
type Member struct {
	Name string
	Place
}

// Tag is a declared tag, written without "tag:".
type Tag struct {
	Name, Description string
	Place
}

// Grant allows. It has Verbs, or IP, or both.
type Grant struct {
	Src, Dst []Selector
	// Verbs is what technicians in Src may do on machines in Dst, and Users as
	// whom.
	Verbs []Verb
	Users []string
	// Consent says that whoever is at the machine is asked first, each time, for
	// the verbs that Watches.
	Consent bool
	// Clipboard is in which directions copies travel while Control is used.
	Clipboard Clipboard
	// IP is what machines in Src may send to machines in Dst.
	IP []Ports
	Place
}

// Test is an expectation about one source: for Verb and User, or for IP.
type Test struct {
	Src  Selector
	Verb Verb
	// User is empty where the technician's own name is meant, the OS user that
	// sessions ask for when nobody says otherwise.
	User string
	IP   Ports
	// Allow and Deny are destinations: every pair must be allowed, or denied.
	Allow, Deny []Selector
	Place
}

// Kind tells what a Selector's Name names.
type Kind uint8

const (
	// Name is a technician or a device.
	Name Kind = iota
	// Everyone is "*".
	Everyone
	InGroup
	InRole
	WithTag
)

// Selector picks technicians or devices.
type Selector struct {
	Kind Kind
	// Name is without its prefix, and empty for Everyone.
	Name string
	Place
}

// String writes the selector as policies do.
func (s Selector) String() string {
	switch s.Kind {
	case Everyone:
		return "*"
	case InGroup:
		return "group:" + s.Name
	case InRole:
		return "role:" + s.Name
	case WithTag:
		return "tag:" + s.Name
	case Name:
	}
	return s.Name
}

// Verb is something a technician does on a machine.
type Verb string

// The closed list of verbs.
const (
	Shell   Verb = "shell"   // a terminal or a command, as an OS user
	View    Verb = "view"    // see the screen
	Control Verb = "control" // keyboard and pointer
	Files   Verb = "files"   // read and write files, as an OS user
	Forward Verb = "forward" // connections through the machine
	Run     Verb = "run"     // jobs, as an OS user
	Ping    Verb = "ping"    // see that it is there
)

// Verbs is every verb, in the order policies list them.
func Verbs() []Verb { return []Verb{Shell, View, Control, Files, Forward, Run, Ping} }

// TakesUser reports whether the verb acts as an OS user of the machine, so
// that a grant's users matter.
func (v Verb) TakesUser() bool { return v == Shell || v == Files || v == Run }

func (v Verb) bit() verbSet {
	if i := slices.Index(Verbs(), v); i >= 0 {
		return 1 << i
	}
	return 0
}

// verbSet holds verbs as bits, by their place in Verbs.
type verbSet uint8

func (s verbSet) list() []Verb {
	var out []Verb
	for _, v := range Verbs() {
		if s&v.bit() != 0 {
			out = append(out, v)
		}
	}
	return out
}

// Watches reports whether the verb shows a screen, so that the person at it can
// be asked: a grant's consent matters.
func (v Verb) Watches() bool { return v == View || v == Control }

// Clipboard is a set of directions.
type Clipboard uint8

// ClipboardIn is from the technician to the machine, ClipboardOut from the
// machine to the technician.
const (
	ClipboardIn Clipboard = 1 << iota
	ClipboardOut
)

// clipboards are the words of a policy, by Clipboard.
func clipboards() []string { return []string{"none", "in", "out", "both"} }

// String gives the word that policies use.
func (c Clipboard) String() string { return clipboards()[c&(ClipboardIn|ClipboardOut)] }

// root is the user that "*" does not mean.
const root = "root"

// allowsUser reports whether users, of a grant, cover user.
func allowsUser(users []string, user string) bool {
	return slices.Contains(users, user) || user != "" && user != root && slices.Contains(users, "*")
}

// Protocol is what Ports speak about.
type Protocol uint8

const (
	// Any is TCP, UDP and ICMP.
	Any Protocol = iota
	TCP
	UDP
	ICMP
)

// String gives the word policies use; Any is "*".
func (p Protocol) String() string {
	switch p {
	case Any:
		return "*"
	case TCP:
		return "tcp"
	case UDP:
		return "udp"
	case ICMP:
		return "icmp"
	}
	return "?"
}

// Ports is an inclusive range of a protocol. Any and ICMP have no ports: First
// and Last are 0 there, and for all ports of TCP or UDP they are 0 and 65535.
type Ports struct {
	Protocol    Protocol
	First, Last uint16
}

// String writes the ports as policies do.
func (p Ports) String() string {
	switch {
	case p.Protocol == Any || p.Protocol == ICMP:
		return p.Protocol.String()
	case p.First == 0 && p.Last == 65535:
		return p.Protocol.String() + ":*"
	case p.First == p.Last:
		return p.Protocol.String() + ":" + strconv.Itoa(int(p.First))
	}
	return p.Protocol.String() + ":" + strconv.Itoa(int(p.First)) + "-" + strconv.Itoa(int(p.Last))
}

func (p Ports) contains(proto Protocol, port uint16) bool {
	if p.Protocol == Any {
		return true
	}
	return p.Protocol == proto && (proto == ICMP || p.First <= port && port <= p.Last)
}

func join[T any](list []T, word func(T) string) string {
	words := make([]string, len(list))
	for i, one := range list {
		words[i] = word(one)
	}
	return strings.Join(words, ", ")
}
