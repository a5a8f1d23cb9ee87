package fault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
)

func TestOfKeepsKindAndHintThroughWrapping(t *testing.T) {
	t.Parallel()
	expired := New(Denied, "invite is expired").Try("ask for a new link").Because("expired")
	tests := map[string]struct {
		err    error
		kind   Kind
		line   string
		reason string
	}{
		"nil":       {nil, 0, "", ""},
		"plain":     {errors.New("boom"), Internal, "warren: boom", ""},
		"fault":     {expired, Denied, "warren: invite is expired; try: ask for a new link", "expired"},
		"wrapped":   {fmt.Errorf("join: %w", expired), Denied, "warren: join: invite is expired; try: ask for a new link", "expired"},
		"outer":     {New(Unavailable, "join: %w", expired), Unavailable, "warren: join: invite is expired; try: ask for a new link", "expired"},
		"outerhint": {New(Unavailable, "join: %w", expired).Try("later"), Unavailable, "warren: join: invite is expired; try: later", "expired"},
		"joined":    {errors.Join(errors.New("a"), expired), Denied, "warren: a; invite is expired; try: ask for a new link", "expired"},
		"deadline":  {fmt.Errorf("ask: %w", context.DeadlineExceeded), Unavailable, "warren: ask: context deadline exceeded", ""},
		"canceled":  {context.Canceled, Unavailable, "warren: context canceled", ""},
		"bare":      {&Error{Kind: Conflict, Err: errors.New("taken")}, Conflict, "warren: taken", ""},
		"no kind":   {&Error{Message: "odd"}, Internal, "warren: odd", ""},
		"bad kind":  {&Error{Kind: 99, Message: "odd"}, Internal, "warren: odd", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := KindOf(tt.err); got != tt.kind {
				t.Errorf("KindOf = %v, want %v", got, tt.kind)
			}
			if got := ExitCode(tt.err); got != int(tt.kind) {
				t.Errorf("ExitCode = %d, want %d", got, int(tt.kind))
			}
			if got := Format(tt.err); got != tt.line {
				t.Errorf("Format = %q, want %q", got, tt.line)
			}
			if f := Of(tt.err); f != nil && f.Reason != tt.reason {
				t.Errorf("Reason = %q, want %q", f.Reason, tt.reason)
			}
		})
	}
}

func TestExitCodesAreTheContract(t *testing.T) {
	t.Parallel()
	want := map[Kind]int{Internal: 1, Invalid: 2, Denied: 3, NotFound: 4, Conflict: 5, Unavailable: 6}
	for k, code := range want {
		if got := ExitCode(New(k, "x")); got != code {
			t.Errorf("%v exits with %d, want %d", k, got, code)
		}
	}
}

func TestCausesStayReachable(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("start: %w", New(NotFound, "read key: %w", fs.ErrNotExist).Try("warren init").Because("empty"))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error("the cause is lost")
	}
	var f *Error
	if !errors.As(err, &f) || f.Hint != "warren init" {
		t.Errorf("fault is lost: %+v", f)
	}
}

func TestTryAndBecauseLeaveTheirReceiver(t *testing.T) {
	t.Parallel()
	base := New(Conflict, "name taken")
	_ = base.Try("another").Because("taken")
	if base.Hint != "" || base.Reason != "" {
		t.Errorf("base changed: %+v", base)
	}
}

func TestFormatCannotMoveTheCursor(t *testing.T) {
	t.Parallel()
	hostile := New(Invalid, "device \x1b]0;owned\x07\r\nline\ttwo\u202e \x00 %s", strings.Repeat("x", 3*maxText)).Try("a\x1b[2Jb")
	got := Format(hostile)
	for _, r := range got {
		if r < 0x20 || r == 0x7f || r == 0x9b || r == '\u202e' {
			t.Fatalf("control character %U in %.80q", r, got)
		}
	}
	if n := len([]rune(got)); n > 2*maxText {
		t.Errorf("%d runes, want a bound", n)
	}
	if !strings.Contains(got, "; line two") {
		t.Errorf("line break and tab in %.80q", got)
	}
}

func TestKindWordsComeBack(t *testing.T) {
	t.Parallel()
	for k := Internal; k <= Unavailable; k++ {
		if got, ok := kindNamed(k.String()); !ok || got != k {
			t.Errorf("%v comes back as %v, %v", k, got, ok)
		}
	}
	if k, ok := kindNamed("kind 7"); ok {
		t.Errorf("an unknown word gives %v", k)
	}
}
