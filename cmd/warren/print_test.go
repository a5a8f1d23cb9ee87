package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"warren/node/fault"
)

func TestWhatOthersWroteDrivesNoTerminal(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"web-1": "web-1", "ü€": "ü€", "a b": "a b",
		"\x1b[2J":      "\ufffd[2J",
		"one\ntwo\r":   "one\ufffdtwo\ufffd",
		"a\u202eb":     "a\ufffdb", // turns the text around
		"bad \xff":     "bad \ufffd",
		"\u0007\u009b": "\ufffd\ufffd",
	} {
		if got := printable(in); got != want {
			t.Errorf("%q prints as %q, want %q", in, got, want)
		}
	}
	var out bytes.Buffer
	a := &app{streams: streams{out: &out}}
	if err := a.table([]string{"NAME", "STATE"}, [][]string{{"ev\x1b[1mil\n", ""}, {"long-name", "on\tline"}}); err != nil {
		t.Fatal(err)
	}
	want := "NAME       STATE\nev\ufffd[1mil\ufffd\nlong-name  on\ufffdline\n"
	if out.String() != want {
		t.Errorf("table:\n%q, want\n%q", out.String(), want)
	}
}

func TestTablesFitTheTerminal(t *testing.T) {
	t.Parallel()
	rows := [][]string{{"1", "invite", "tags none -> kiosk, reason \"for the café\""}, {"22", "revoke", "-"}}
	for columns, want := range map[int]string{
		0: `
NO  WHAT    CHANGE
1   invite  tags none -> kiosk, reason "for the café"
22  revoke  -`,
		40: `
NO  WHAT    CHANGE
1   invite  tags none -> kiosk, reason
            "for the café"
22  revoke  -`,
		24: `
NO  WHAT    CHANGE
1   invite  tags none ->
            kiosk,
            reason "for
            the café"
22  revoke  -`,
		14: `
NO  WHAT  CHAN
          GE
1   invi  tags
    te    none
          ->
          kios
          k,
          reas
          on
          "for
          the
          café
          "
22  revo  -
    ke`,
	} {
		got := strings.Join(layOut(append([][]string{{"NO", "WHAT", "CHANGE"}}, rows...), columns), "\n")
		if got != want[1:] {
			t.Errorf("in %d columns:\n%s\nwant\n%s", columns, got, want[1:])
		}
	}
}

func TestConfirm(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "yes")
	if err := os.WriteFile(file, []byte("yes\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var errs bytes.Buffer
	a := &app{streams: streams{in: in, err: &errs}}
	// A pipe that says yes is nobody who was asked.
	if err := a.confirm("Really?"); fault.KindOf(err) != fault.Invalid {
		t.Errorf("without a terminal: %v", err)
	}
	a.yes = true
	if err := a.confirm("Really?"); err != nil {
		t.Errorf("with --yes: %v", err)
	}
	if errs.Len() != 0 {
		t.Errorf("asked nevertheless: %s", errs.String())
	}
}

func TestFactsFitAClaim(t *testing.T) {
	t.Parallel()
	f := facts()
	for _, k := range []string{"os", "arch", "version"} {
		if f[k] == "" {
			t.Errorf("no %s among %v", k, f)
		}
	}
	if len(f) > 16 {
		t.Errorf("%d facts", len(f))
	}
	for k, v := range f {
		if v == "" || len(v) > 256 || printable(v) != v {
			t.Errorf("%s is %q", k, v)
		}
	}
}

func TestHostNameIsADeviceName(t *testing.T) {
	t.Parallel()
	name := hostName()
	if name == "" || len(name) > 63 || strings.Trim(name, "-") != name || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		t.Errorf("%q is no device name", name)
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	for n, want := range map[uint64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1 << 20: "1.0 MiB", 3 << 29: "1.5 GiB", 1 << 40: "1024.0 GiB",
	} {
		if got := size(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}

func TestQRCode(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	link := "warren://join#w1." + strings.Repeat("A", 300)
	if err := printQR(&out, link); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	for _, l := range lines {
		if !strings.HasPrefix(l, "\x1b[30;47m") || !strings.HasSuffix(l, "\x1b[0m") {
			t.Fatalf("the colours are left to the terminal: %q", l)
		}
	}
	if cells := strings.Count(lines[0], "") - 1 - len("\x1b[30;47m") - len("\x1b[0m"); cells < 2*(len(lines)-1) || cells > 2*len(lines) {
		t.Errorf("%d columns and %d lines are no square", cells, len(lines))
	}
	if err := printQR(&out, strings.Repeat("A", 5000)); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a text that does not fit: %v", err)
	}
}
