package audit

import (
	"strings"

	warrenv1 "warren/api/warren/v1"
)

// Word is an act in the words of people and scripts: "machine admitted".
func Word(a warrenv1.AuditAct) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(a.String(), "AUDIT_ACT_")), "_", " ")
}

// KindWord is a party's kind likewise: "machine".
func KindWord(k warrenv1.AuditPartyKind) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(k.String(), "AUDIT_PARTY_KIND_")), "_", " ")
}
