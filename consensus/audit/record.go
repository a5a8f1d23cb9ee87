package audit

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
)

const (
	// MaxRecord bounds the canonical bytes of a record.
	MaxRecord = 16 << 10
	// MaxText bounds one text in a record, in bytes; what is longer is cut.
	MaxText = 1024

	maxParties = 32
	maxValues  = 32
)

// ErrRecord says that bytes are no record, or not its canonical bytes.
var ErrRecord = errors.New("audit record not acceptable")

// Encode gives the canonical bytes of r: fields by number, zero values left
// out. They are what the Merkle tree's leaf is the hash of, so they are written
// here and not left to a library's next version.
func Encode(r *warrenv1.AuditRecord) []byte {
	var b []byte
	b = number(b, 1, r.GetSequence())
	b = number(b, 2, uint64(r.GetTime())) //nolint:gosec // protobuf's own form of int64
	b = number(b, 3, r.GetRevision())
	b = number(b, 4, uint64(r.GetAct())) //nolint:gosec // an enum above zero
	for _, p := range r.GetActors() {
		b = message(b, 5, party(p))
	}
	if r.GetTarget() != nil {
		b = message(b, 6, party(r.GetTarget()))
	}
	for _, v := range r.GetBefore() {
		b = message(b, 7, value(v))
	}
	for _, v := range r.GetAfter() {
		b = message(b, 8, value(v))
	}
	b = text(b, 9, r.GetReason())
	b = text(b, 10, string(r.GetStatement()))
	if r.GetNote() != nil {
		b = message(b, 11, statement(r.GetNote()))
	}
	b = number(b, 12, r.GetMissing())
	return number(b, 13, protowire.EncodeBool(r.GetAnew()))
}

func party(p *warrenv1.AuditParty) []byte {
	b := number(nil, 1, uint64(p.GetKind())) //nolint:gosec // an enum above zero
	b = text(b, 2, string(p.GetId()))
	return text(b, 3, p.GetName())
}

func value(v *warrenv1.AuditValue) []byte {
	return text(text(nil, 1, v.GetName()), 2, v.GetValue())
}

func statement(s *warrenv1.Statement) []byte {
	b := text(text(nil, 1, s.GetType()), 2, string(s.GetPayload()))
	for _, sig := range s.GetSignatures() {
		b = message(b, 3, text(text(nil, 1, string(sig.GetKey())), 2, string(sig.GetSignature())))
	}
	return b
}

func number(b []byte, field protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

func text(b []byte, field protowire.Number, v string) []byte {
	if v == "" {
		return b
	}
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), v)
}

func message(b []byte, field protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), v)
}

// Decode reads what Encode wrote, and nothing else: errors wrap ErrRecord.
func Decode(raw []byte) (*warrenv1.AuditRecord, error) {
	if len(raw) > MaxRecord {
		return nil, fmt.Errorf("%w: %d bytes, over %d", ErrRecord, len(raw), MaxRecord)
	}
	r := &warrenv1.AuditRecord{}
	if err := (proto.UnmarshalOptions{RecursionLimit: 8}).Unmarshal(raw, r); err != nil {
		return nil, errors.Join(ErrRecord, err)
	}
	switch {
	case len(r.GetActors()) > maxParties || len(r.GetBefore()) > maxValues || len(r.GetAfter()) > maxValues:
		return nil, fmt.Errorf("%w: %d actors, %d and %d values", ErrRecord, len(r.GetActors()), len(r.GetBefore()), len(r.GetAfter()))
	case r.GetAct() <= 0 || warrenv1.AuditAct_name[int32(r.GetAct())] == "":
		return nil, fmt.Errorf("%w: act %d", ErrRecord, r.GetAct())
	case !bytes.Equal(Encode(r), raw):
		return nil, fmt.Errorf("%w: not its canonical bytes", ErrRecord)
	}
	return r, nil
}

// Cut is s, or as much of its beginning as a record holds.
func Cut(s string) string {
	if len(s) <= MaxText {
		return s
	}
	end := MaxText - len("…")
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
