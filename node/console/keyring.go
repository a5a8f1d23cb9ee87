package console

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"warren/node/fault"
)

const (
	// ticketLife is how long a one-time token waits for its use, maxTickets how
	// many may wait.
	ticketLife = 5 * time.Minute
	maxTickets = 16
	// bearerLife is how long a browser stays in.
	bearerLife = 12 * time.Hour
)

// A bearer is this, in base64url without padding:
//
//	version 1 | uid, 4 | owner, 4 | expires, Unix seconds, 8 | random, 8 | HMAC-SHA256 of all before, 32
//
// Numbers are big-endian. Owner is the local user whose program exchanged the
// token for it, noOwner where the system does not tell.
const (
	bearerVersion = 1
	bearerBody    = 1 + 4 + 4 + 8 + 8
	bearerSize    = bearerBody + sha256.Size
	bearerLabel   = "warren console bearer v1\x00"
)

// noOwner is the owner of a connection that the system does not tell of.
const noOwner = -1

var errBearer = errors.New("the bearer is no valid one")

// keyring makes and checks what lets a browser in.
type keyring struct {
	key []byte
	now func() time.Time

	mu      sync.Mutex
	tickets []ticket // the oldest first
}

// ticket is a one-time token; of the token itself only its hash is kept.
type ticket struct {
	hash    [sha256.Size]byte
	uid     int
	expires time.Time
}

func newKeyring(key []byte, now func() time.Time) *keyring { return &keyring{key: key, now: now} }

// ticket makes a one-time token for uid.
func (k *keyring) ticket(uid int) (token string, expires time.Time, err error) {
	raw := make([]byte, 32)
	if _, err := rand.Read(raw); err != nil {
		return "", expires, fmt.Errorf("make token: %w", err)
	}
	token = base64.RawURLEncoding.EncodeToString(raw)
	expires = k.now().Add(ticketLife)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tickets = append(k.tickets, ticket{sha256.Sum256([]byte(token)), uid, expires})
	k.tickets = k.tickets[max(0, len(k.tickets)-maxTickets):]
	return token, expires, nil
}

// exchange takes a one-time token and gives a bearer for its user and the
// owner of the connection.
func (k *keyring) exchange(token string, owner int) (bearer string, expires time.Time, err error) {
	hash := sha256.Sum256([]byte(token)) // so that comparing tells nothing of it
	k.mu.Lock()
	var found *ticket
	for i, t := range k.tickets {
		if t.hash == hash {
			found = &t
			k.tickets = append(k.tickets[:i], k.tickets[i+1:]...)
			break
		}
	}
	k.mu.Unlock()
	if found == nil || !k.now().Before(found.expires) {
		return "", expires, fault.New(fault.Denied, "this link was used already, or is too old").Try("warren console, for a new one").Because("token")
	}
	random := make([]byte, 8)
	if _, err := rand.Read(random); err != nil {
		return "", expires, fmt.Errorf("make bearer: %w", err)
	}
	expires = k.now().Add(bearerLife)
	return k.bearer(pass{found.uid, expires}, owner, random), expires, nil
}

func (k *keyring) bearer(p pass, owner int, random []byte) string {
	body := make([]byte, 0, bearerSize)
	body = append(body, bearerVersion)
	body = binary.BigEndian.AppendUint32(body, uint32(p.uid)) //nolint:gosec // a uid, which has 32 bits
	body = binary.BigEndian.AppendUint32(body, uint32(owner)) //nolint:gosec // likewise
	body = binary.BigEndian.AppendUint64(body, uint64(p.expires.Unix()))
	body = append(body, random...)
	return base64.RawURLEncoding.EncodeToString(append(body, k.seal(body)...))
}

func (k *keyring) seal(body []byte) []byte {
	mac := hmac.New(sha256.New, k.key)
	mac.Write([]byte(bearerLabel))
	mac.Write(body)
	return mac.Sum(nil)
}

// pass is a bearer that holds.
type pass struct {
	uid     int
	expires time.Time
}

// check reads a bearer that came over a connection of owner.
func (k *keyring) check(bearer string, owner int) (pass, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(bearer)
	if err != nil || len(raw) != bearerSize {
		return pass{}, errBearer
	}
	body := raw[:bearerBody]
	if !hmac.Equal(raw[bearerBody:], k.seal(body)) || body[0] != bearerVersion {
		return pass{}, errBearer
	}
	p := pass{
		uid:     int(int32(binary.BigEndian.Uint32(body[1:]))),          //nolint:gosec // as it was written
		expires: time.Unix(int64(binary.BigEndian.Uint64(body[9:])), 0), //nolint:gosec // likewise
	}
	if at := int(int32(binary.BigEndian.Uint32(body[5:]))); at != noOwner && at != owner { //nolint:gosec // likewise
		return pass{}, errBearer
	}
	if !k.now().Before(p.expires) {
		return pass{}, errBearer
	}
	return p, nil
}
