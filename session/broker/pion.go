package broker

import (
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// quiet gives pion a log: its warnings are everyday events of a connection
// that comes and goes, so they are for the one who debugs.
type quiet struct{ log *slog.Logger }

func (q quiet) NewLogger(scope string) logging.LeveledLogger {
	return logger{q.log.With("part", "webrtc", "scope", scope)}
}

type logger struct{ log *slog.Logger }

func (logger) Trace(string)          {}
func (logger) Tracef(string, ...any) {}
func (logger) Debug(string)          {}
func (logger) Debugf(string, ...any) {}
func (logger) Info(string)           {}
func (logger) Infof(string, ...any)  {}
func (l logger) Warn(m string)       { l.log.Debug("webrtc warned", "message", m) }
func (l logger) Error(m string)      { l.log.Debug("webrtc erred", "message", m) }

func (l logger) Warnf(f string, a ...any)  { l.Warn(fmt.Sprintf(f, a...)) }
func (l logger) Errorf(f string, a ...any) { l.Error(fmt.Sprintf(f, a...)) }
