package care

import (
	"context"
	"log/slog"
	"strings"
	"sync"
)

// Bounds of what a Journal keeps.
const (
	journalLines = 1000
	journalLine  = 1024 // bytes
)

// Journal keeps the newest lines of a log in memory while it hands them on. It
// is safe for concurrent use.
type Journal struct {
	next slog.Handler
	text slog.Handler
	kept *ring
}

// NewJournal keeps what is handed on to next.
func NewJournal(next slog.Handler) *Journal {
	kept := &ring{}
	return &Journal{next: next, kept: kept, text: slog.NewTextHandler(kept, &slog.HandlerOptions{Level: slog.LevelDebug})}
}

// Text is the lines kept, oldest first.
func (j *Journal) Text() string { return j.kept.String() }

// Enabled implements slog.Handler.
func (j *Journal) Enabled(ctx context.Context, l slog.Level) bool { return j.next.Enabled(ctx, l) }

// Handle implements slog.Handler.
func (j *Journal) Handle(ctx context.Context, r slog.Record) error {
	_ = j.text.Handle(ctx, r.Clone()) // memory takes everything
	return j.next.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (j *Journal) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &Journal{next: j.next.WithAttrs(attrs), text: j.text.WithAttrs(attrs), kept: j.kept}
}

// WithGroup implements slog.Handler.
func (j *Journal) WithGroup(name string) slog.Handler {
	return &Journal{next: j.next.WithGroup(name), text: j.text.WithGroup(name), kept: j.kept}
}

// ring is the newest lines.
type ring struct {
	mu    sync.Mutex
	lines [journalLines]string
	next  int
}

// Write takes one line.
func (r *ring) Write(line []byte) (int, error) {
	text := string(line)
	if len(text) > journalLine {
		text = strings.ToValidUTF8(text[:journalLine], "") + "...\n"
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines[r.next%journalLines] = text
	r.next++
	return len(line), nil
}

func (r *ring) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var b strings.Builder
	for i := max(0, r.next-journalLines); i < r.next; i++ {
		b.WriteString(r.lines[i%journalLines])
	}
	return b.String()
}
