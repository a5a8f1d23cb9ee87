package client

import (
	warrenv1 "warren/api/warren/v1"
	"warren/consensus/audit"
)

// ActWord is what an audit record tells, in the words of people and scripts.
func ActWord(a warrenv1.AuditAct) string { return audit.Word(a) }

// PartyWord is the kind of who did it, or of what it was done to, likewise.
func PartyWord(k warrenv1.AuditPartyKind) string { return audit.KindWord(k) }
