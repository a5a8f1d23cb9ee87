package engine

import (
	"context"
	"fmt"
	"log/slog"

	"tailscale.com/types/logger"
)

// libraryLog lets the library speak at level debug only: it says much, and
// what a person must know we say ourselves.
func libraryLog(log *slog.Logger) logger.Logf {
	log = log.With("from", "tailscale")
	return func(format string, args ...any) {
		ctx := context.Background()
		if !log.Enabled(ctx, slog.LevelDebug) {
			return
		}
		log.DebugContext(ctx, "library spoke", "text", fmt.Sprintf(format, args...))
	}
}
