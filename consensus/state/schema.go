package state

import (
	"encoding/hex"
	"time"

	"github.com/hashicorp/go-memdb"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/audit"
	"warren/consensus/invite"
	"warren/consensus/trust"
	"warren/mesh/identity"
)

const (
	tableMeta    = "meta"
	tableDevices = "devices"
	tableInvites = "invites"
	tableClaims  = "claims"
	tableChains  = "chains"

	byID     = "id"
	byTag    = "tag"
	byInvite = "invite"
	bySigner = "signer"
	byState  = "state"
)

// Rows are immutable once they are in the database. Exported fields are those
// that indexes read.
type (
	// meta is the one row that makes a snapshot of the database whole.
	meta struct {
		ID       string
		log      *trust.Log // nil before founding
		policy   []byte
		revision uint64
		format   uint32 // of commands; 0 is 1
		audit    audit.Log

		invites, claims, pending, chains int
		rows                             int // their weight, in bytes
	}
	deviceRow struct {
		ID   string
		Tags []string
		node identity.NodeID
	}
	inviteRow struct {
		ID        string
		Signer    string // hex
		invite    invite.Invite
		made      time.Time // the leader's clock when it was taken in
		statement *warrenv1.Statement
		refused   Refused
	}
	// chainRow is where a device's notes are.
	chainRow struct {
		ID    string // the node's
		node  identity.NodeID
		chain audit.Chain
		due   time.Time // see noteAllowance
	}
	claimRow struct {
		ID        string // the invite's, then the node's
		Invite    string
		State     int
		claim     invite.Claim
		statement *warrenv1.Statement
		from      string
		time      time.Time
		rejection *warrenv1.Statement
	}
)

const (
	pending  = int(warrenv1.ClaimState_CLAIM_STATE_PENDING)
	admitted = int(warrenv1.ClaimState_CLAIM_STATE_ADMITTED)
	rejected = int(warrenv1.ClaimState_CLAIM_STATE_REJECTED)
)

func schema() *memdb.DBSchema {
	id := &memdb.IndexSchema{Name: byID, Unique: true, Indexer: &memdb.StringFieldIndex{Field: "ID"}}
	table := func(name string, more ...*memdb.IndexSchema) *memdb.TableSchema {
		t := &memdb.TableSchema{Name: name, Indexes: map[string]*memdb.IndexSchema{byID: id}}
		for _, index := range more {
			t.Indexes[index.Name] = index
		}
		return t
	}
	return &memdb.DBSchema{Tables: map[string]*memdb.TableSchema{
		tableMeta: table(tableMeta),
		tableDevices: table(tableDevices, &memdb.IndexSchema{
			Name: byTag, AllowMissing: true, Indexer: &memdb.StringSliceFieldIndex{Field: "Tags"},
		}),
		tableInvites: table(tableInvites, &memdb.IndexSchema{
			Name: bySigner, Indexer: &memdb.StringFieldIndex{Field: "Signer"},
		}),
		tableChains: table(tableChains),
		tableClaims: table(tableClaims,
			&memdb.IndexSchema{Name: byInvite, Indexer: &memdb.StringFieldIndex{Field: "Invite"}},
			&memdb.IndexSchema{Name: byState, Indexer: &memdb.IntFieldIndex{Field: "State"}},
		),
	}}
}

func rowOf(d trust.Device) *deviceRow {
	return &deviceRow{ID: d.ID.String(), Tags: d.Tags, node: d.ID}
}

func inviteKey(id invite.ID) string { return hex.EncodeToString(id[:]) }

func newInvite(inv invite.Invite, s *warrenv1.Statement, made time.Time) *inviteRow {
	return &inviteRow{ID: inviteKey(inv.ID), Signer: hex.EncodeToString(inv.Signer), invite: inv, statement: s, made: made}
}

func claimKey(id invite.ID, node identity.NodeID) string { return inviteKey(id) + node.String() }

func newClaim(c invite.Claim, s *warrenv1.Statement) *claimRow {
	return &claimRow{
		ID: claimKey(c.Invite, c.Node), Invite: inviteKey(c.Invite), State: pending, claim: c, statement: s,
	}
}

// get finds a row by an index; nil if there is none.
func get[R any](txn *memdb.Txn, table, index string, args ...any) *R {
	got, err := txn.First(table, index, args...)
	if err != nil {
		panic(err) // a wrong table or index
	}
	row, _ := got.(*R)
	return row
}

// all lists the rows of an index, in its order.
func all[R any](txn *memdb.Txn, table, index string, args ...any) []*R {
	var rows []*R
	it, err := txn.Get(table, index, args...)
	if err != nil {
		panic(err)
	}
	for got := it.Next(); got != nil; got = it.Next() {
		if row, ok := got.(*R); ok {
			rows = append(rows, row)
		}
	}
	return rows
}

func metaIn(txn *memdb.Txn) meta {
	if m := get[meta](txn, tableMeta, byID, tableMeta); m != nil {
		return *m
	}
	return meta{ID: tableMeta}
}
