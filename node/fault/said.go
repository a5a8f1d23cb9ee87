package fault

import warrenv1 "warren/api/warren/v1"

// Code names a sentence that a page says in its own language. The list only
// grows, and what each says stays; a test of the pages reads it here.
type Code string

// Why no session is opened, or one ends.
const (
	NoMesh            Code = "no-mesh"
	Waiting           Code = "waiting" // six words
	Starting          Code = "starting"
	NoDevice          Code = "no-device"        // what was asked for
	ManyDevices       Code = "many-devices"     // what was asked for, how many
	DeviceRevoked     Code = "device-revoked"   // name
	DeviceOffline     Code = "device-offline"   // name, then code and words of why
	DeviceSilent      Code = "device-silent"    // name
	NotMet            Code = "not-met"          // name
	NotMetAnyMore     Code = "not-met-any-more" // name
	NoTechnician      Code = "no-technician"
	UnknownTechnician Code = "unknown-technician"
	OtherUsersKey     Code = "other-users-key"
	TechnicianRevoked Code = "technician-revoked" // name

	NoGrant         Code = "no-grant"
	NoGrantVerb     Code = "no-grant-verb" // verb
	NoGrantUser     Code = "no-grant-user" // verb, user
	NotOffered      Code = "not-offered"   // verb
	NoUser          Code = "no-user"       // user
	NoLogin         Code = "no-login"      // user
	OwnUserOnly     Code = "own-user-only" // user there is, user asked for
	NotSupported    Code = "not-supported" // verb
	OfferRefused    Code = "offer-refused"
	AnswerRefused   Code = "answer-refused"
	DeviceBusy      Code = "device-busy"
	NoConnection    Code = "no-connection"
	ConnectionLost  Code = "connection-lost"
	SessionRevoked  Code = "session-revoked"
	SessionStopped  Code = "session-stopped"
	SessionFailed   Code = "session-failed"
	EndedThere      Code = "ended-there"
	EndedHere       Code = "ended-here"
	ConsoleOver     Code = "console-over"
	NotLetIn        Code = "not-let-in"
	TooManyOpen     Code = "too-many-open" // how many are
	TooManyRequests Code = "too-many-requests"
)

// What is to be known of a machine that waits.
const (
	MakesAdmin Code = "makes-admin"
	NameTaken  Code = "name-taken"
)

// Why there is no path to a machine.
const (
	NotUp           Code = "not-up"
	NoAddress       Code = "no-address"
	NoTunnel        Code = "no-tunnel"
	NoPong          Code = "no-pong"            // addresses
	NoPongNorMember Code = "no-pong-nor-member" // addresses
	NoPongNorThere  Code = "no-pong-nor-there"  // addresses, member
	NoPongNorHome   Code = "no-pong-nor-home"   // addresses
)

// Said is a sentence by its code; the zero value is none.
type Said struct {
	Code Code
	Args []string
}

// Wire gives s the form in which it crosses the API; nil for none.
func (s Said) Wire() *warrenv1.Said {
	if s.Code == "" {
		return nil
	}
	out := &warrenv1.Said{Code: string(s.Code)}
	for _, a := range s.Args {
		out.Args = append(out.Args, valid(a))
	}
	return out
}

// Says returns a copy of e whose message and hint a page says in its own
// language, by code.
func (e *Error) Says(code Code, args ...string) *Error {
	c := *e
	c.Said = Said{code, args}
	return &c
}
