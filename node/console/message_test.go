package console

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/node/fault"
)

func TestMessagesOfAPage(t *testing.T) {
	t.Parallel()
	good := `{"bearer":"b","open":{"device":"kiosk","user":"root","columns":80,"rows":24,"term":"xterm"}}`
	m, err := readFirst([]byte(good))
	if err != nil || m.Bearer != "b" || m.open().GetDevice() != "kiosk" || m.open().GetWindow().GetRows() != 24 || !m.open().GetTerminal() {
		t.Errorf("%+v, %v", m, err)
	}
	for what, text := range map[string]string{
		"nothing": "", "no object": `"x"`, "null": "null", "no bearer": `{"open":{"device":"kiosk"}}`, "no device": `{"bearer":"b"}`,
		"an unknown field": `{"bearer":"b","open":{"device":"kiosk","argv":["id"]}}`, "more than one": good + good, "a negative size": strings.Replace(good, "80", "-1", 1),
		"a long name": strings.Replace(good, "kiosk", strings.Repeat("x", maxWord+1), 1), "a long message": good + strings.Repeat(" ", maxFirst),
	} {
		if m, err := readFirst([]byte(text)); !errors.Is(err, errMessage) {
			t.Errorf("%s: %+v, %v", what, m, err)
		}
	}
	if in, _, err := readControl([]byte(`{"window":{"columns":4294967295,"rows":3}}`)); err != nil || in.GetWindow().GetColumns() != maxSide || in.GetWindow().GetRows() != 3 {
		t.Errorf("%v, %v", in, err)
	}
	if in, bearer, err := readControl([]byte(`{"bearer":"b"}`)); err != nil || bearer != "b" || in != nil {
		t.Errorf("%v, %q, %v", in, bearer, err)
	}
	if in, _, err := readControl([]byte(`{"acked":18446744073709551615}`)); err != nil || in.GetAcked() != 1<<64-1 {
		t.Errorf("%v, %v", in, err)
	}
	for what, text := range map[string]string{
		"nothing": "", "empty": "{}", "both": `{"acked":1,"window":{"columns":1,"rows":1}}`, "a fraction": `{"acked":1.5}`, "less than nothing": `{"acked":-1}`,
		"too much": `{"acked":18446744073709551616}`, "text": `{"acked":"1"}`, "another": `{"signal":"KILL"}`, "two": `{"acked":1}{"acked":2}`, "a list": `[1]`,
		"a bearer and more": `{"bearer":"b","acked":1}`, "no bearer": `{"bearer":""}`, "a long bearer": `{"bearer":"` + strings.Repeat("x", maxWord+1) + `"}`,
	} {
		if in, _, err := readControl([]byte(text)); !errors.Is(err, errMessage) {
			t.Errorf("%s: %v, %v", what, in, err)
		}
	}
	text := writeError(&fault.Error{Kind: fault.Denied, Message: "no", Hint: "yes", ID: "k3v9m2q7"})
	if string(text) != `{"error":{"hint":"yes","id":"k3v9m2q7","kind":"denied","message":"no"}}` {
		t.Errorf("an error reads %s", text)
	}
	text = writeError(fault.New(fault.Denied, "no").Says(fault.NoUser, "kim"))
	if string(text) != `{"error":{"hint":"","id":"","kind":"denied","message":"no","said":{"code":"no-user","args":["kim"]}}}` {
		t.Errorf("an error with a code reads %s", text)
	}
	data, binary, err := write(&warrenv1.ShellOutput{Output: &warrenv1.ShellOutput_Opened{Opened: &warrenv1.ShellOpened{
		Session: "s", OsUser: "anna", Path: &warrenv1.Path{Kind: "lan", RttMs: 1.5},
	}}})
	if err != nil || binary || !json.Valid(data) || !bytes.Contains(data, []byte(`"osUser":"anna"`)) || !bytes.Contains(data, []byte(`"rttMs":1.5`)) {
		t.Errorf("opened reads %s, %v", data, err)
	}
	if _, _, err := write(&warrenv1.ShellOutput{}); !errors.Is(err, errMessage) {
		t.Errorf("empty output: %v", err)
	}
}

func FuzzFirst(f *testing.F) {
	f.Add([]byte(`{"bearer":"b","open":{"device":"kiosk"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := readFirst(b)
		if err != nil {
			if !errors.Is(err, errMessage) {
				t.Fatalf("error %v does not wrap errMessage", err)
			}
			return
		}
		if m.Bearer == "" || m.Open.Device == "" || len(m.Bearer)+len(m.Open.Device)+len(m.Open.User)+len(m.Open.Term) > 4*maxWord {
			t.Fatalf("accepted %+v", m)
		}
	})
}

func FuzzControl(f *testing.F) {
	f.Add([]byte(`{"window":{"columns":80,"rows":24}}`))
	f.Add([]byte(`{"acked":1}`))
	f.Add([]byte(`{"bearer":"b"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		in, bearer, err := readControl(b)
		if err != nil {
			if !errors.Is(err, errMessage) {
				t.Fatalf("error %v does not wrap errMessage", err)
			}
			return
		}
		switch i := in.GetInput().(type) {
		case nil:
			if bearer == "" || len(bearer) > maxWord {
				t.Fatalf("accepted the bearer %q", bearer)
			}
		case *warrenv1.ShellInput_Acked:
		case *warrenv1.ShellInput_Window:
			if i.Window.GetColumns() > maxSide || i.Window.GetRows() > maxSide {
				t.Fatalf("accepted %v", in)
			}
		default:
			t.Fatalf("accepted %v", in)
		}
	})
}

// FuzzBearer: only what the keyring made is a bearer, to the last bit.
func FuzzBearer(f *testing.F) {
	now := time.Unix(1_800_000_000, 0)
	k := newKeyring(make([]byte, 32), func() time.Time { return now })
	good := k.bearer(pass{1000, now.Add(time.Hour)}, 1000, make([]byte, 8))
	f.Add(good)
	f.Add(good + "=")
	f.Add("")
	f.Fuzz(func(t *testing.T, bearer string) {
		p, err := k.check(bearer, 1000)
		if err == nil && bearer != good {
			t.Fatalf("%q is taken for user %d", bearer, p.uid)
		}
		if err != nil && (bearer == good || !errors.Is(err, errBearer)) {
			t.Fatalf("%q: %v", bearer, err)
		}
	})
}
