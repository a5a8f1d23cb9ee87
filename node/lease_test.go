//go:build unix

package node_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	big "encoding/binary"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"warren/node/platform"
)

// ending is the page's bearer with another end: what the console would have
// given twelve hours before that.
func (p *page) ending(o *machine, at time.Time) string {
	p.t.Helper()
	key, _, err := platform.ReadFile(filepath.Join(o.dir, "console.key"))
	if err != nil {
		p.t.Fatal(err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(p.bearer)
	if err != nil {
		p.t.Fatal(err)
	}
	body := raw[:len(raw)-sha256.Size]
	big.BigEndian.PutUint64(body[9:], uint64(at.Unix()))
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("warren console bearer v1\x00"))
	mac.Write(body)
	return base64.RawURLEncoding.EncodeToString(append(body, mac.Sum(nil)...))
}

// TestTerminalEndsWithItsBearer: twelve hours are over for what is open, too,
// unless the page shows another bearer before.
func TestTerminalEndsWithItsBearer(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	hq := m.found()
	hq.stop()
	hq.console()
	hq.up()
	whole := hq.browse()
	end := time.Now().Add(8 * time.Second)
	brief := &page{t: t, base: whole.base, bearer: whole.ending(hq, end)}

	renewed, left := brief.open("hq"), brief.open("hq")
	renewed.until("opened")
	left.until("opened")
	renewed.typed("PS1=; stty -echo; echo re''ady\n")
	renewed.shows(`ready\r\n`)
	renewed.say(map[string]any{"bearer": "nonsense"}) // changes nothing
	renewed.say(map[string]any{"bearer": whole.bearer})

	if got := left.until("error"); !strings.Contains(got, "your time in the console has ended") || !strings.Contains(got, "warren console") {
		t.Errorf("told: %s", got)
	}
	if early := time.Until(end); early > time.Second {
		t.Errorf("it ended %s before its time", early)
	}
	renewed.typed("echo still he''re\n")
	renewed.shows(`still here\r\n`)
	again := brief.open("hq")
	if got := again.until("error"); !strings.Contains(got, "not let in") {
		t.Errorf("opened with a bearer that has ended: %s", got)
	}
}
