package api

import (
	"context"
	"sync"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/trust"
	"warren/mesh/identity"
)

// Looks are what the pages of this node share of what they ask others for. A
// nil one knows nothing.
type Looks struct {
	asking sync.Mutex // one question at a time; others wait and share it
	at     time.Time
	ledger *warrenv1.LedgerResponse

	mu sync.Mutex
	os map[identity.NodeID]string // as machines said when they asked to be let in
}

// NewLooks knows this machine's operating system.
func NewLooks(self identity.NodeID, os string) *Looks {
	return &Looks{os: map[identity.NodeID]string{self: os}}
}

// system is what a machine says it runs on. Nothing follows from it.
func (l *Looks) system(id identity.NodeID) string {
	if l == nil {
		return ""
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.os[id]
}

// look asks a controller for the ledger, however many pages there are, once in
// ledgerEvery; nil where none answers.
func (l *Looks) look(ctx context.Context, r *Running) *warrenv1.LedgerResponse {
	l.asking.Lock()
	defer l.asking.Unlock()
	if time.Since(l.at) < ledgerEvery/2 {
		return l.ledger
	}
	ledger, err := r.Authority.Ledger(ctx)
	if err != nil {
		ledger = nil
	}
	l.at, l.ledger = time.Now(), ledger
	l.learn(ledger, r.log())
	return ledger
}

// maxSystem bounds what a machine calls its system, in bytes.
const maxSystem = 64

// learn takes the systems of members out of their claims.
func (l *Looks) learn(ledger *warrenv1.LedgerResponse, log *trust.Log) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range ledger.GetClaims() {
		var claim warrenv1.Claim
		if _, err := identity.Open(c.GetClaim(), identity.TypeClaim, &claim); err != nil {
			continue
		}
		d, ok := log.DeviceByKey(claim.GetNode())
		if name := claim.GetFacts()["os"]; ok && name != "" && len(name) <= maxSystem {
			l.os[d.ID] = name
		}
	}
}
