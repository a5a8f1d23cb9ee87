package store

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/hashicorp/go-hclog"
)

// quiet passes what raft and its log say on to slog, each one level lower:
// what they warn of, elections and lost peers, is their daily work.
type quiet struct{ log *slog.Logger }

func hclogTo(log *slog.Logger) hclog.Logger {
	l := hclog.NewInterceptLogger(&hclog.LoggerOptions{Output: io.Discard, Level: hclog.Off})
	l.RegisterSink(quiet{log})
	return l
}

// Accept implements hclog.SinkAdapter.
func (q quiet) Accept(_ string, level hclog.Level, msg string, args ...any) {
	to := slog.LevelDebug
	switch level {
	case hclog.Error:
		to = slog.LevelWarn
	case hclog.Warn:
		to = slog.LevelInfo
	case hclog.Info, hclog.Debug:
	default:
		return
	}
	if !q.log.Enabled(context.Background(), to) {
		return
	}
	var detail strings.Builder
	for i := 0; i+1 < len(args); i += 2 {
		fmt.Fprintf(&detail, "%v=%v ", args[i], args[i+1])
	}
	q.log.Log(context.Background(), to, "raft reported", "event", msg, "detail", strings.TrimSpace(detail.String()))
}
