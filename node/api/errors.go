package api

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"strings"
	"time"

	"connectrpc.com/connect"
	"golang.org/x/time/rate"

	"warren/node/fault"
)

// Rates of errors that are written down, a second and at once: of callers the
// node answers to, and of all others together, who could fill a log otherwise.
const (
	errorRate, errorBurst = 5, 100
	strangerBurst         = 10
	strangerEvery         = 10 * time.Second
)

// Errors writes down what callers are told, each under an id that they are
// told too. An error with an id is in the log: beyond the rates there is
// neither. Nil writes nothing.
type Errors struct {
	log              *slog.Logger
	known, strangers *rate.Limiter
}

// NewErrors writes to log.
func NewErrors(log *slog.Logger) *Errors {
	return &Errors{log, rate.NewLimiter(errorRate, errorBurst), rate.NewLimiter(rate.Every(strangerEvery), strangerBurst)}
}

// Tell gives err its id on the way to a caller, who is known where the node
// answers to them. What another machine gave an id keeps it. Who has gone is
// told nothing.
func (e *Errors) Tell(ctx context.Context, call string, known bool, err error) error {
	if e == nil || err == nil || errors.Is(ctx.Err(), context.Canceled) {
		return err
	}
	limit := e.strangers
	if known {
		limit = e.known
	}
	if !limit.Allow() {
		return err
	}
	f := fault.Of(err)
	if f.ID == "" {
		f.ID = strings.ToLower(rand.Text()[:8])
	}
	level := slog.LevelInfo
	if f.Kind == fault.Internal {
		level = slog.LevelError
	}
	e.log.Log(ctx, level, "told an error", "id", f.ID, "call", call, "user", callerOf(ctx), "kind", f.Kind.String(), "err", f.Error())
	return f
}

// interceptor tells callers the errors of handlers.
func (e *Errors) interceptor() connect.Interceptor { return telling{e} }

type telling struct{ errors *Errors }

// WrapUnary implements connect.Interceptor.
func (t telling) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		res, err := next(ctx, req)
		return res, t.errors.Tell(ctx, req.Spec().Procedure, true, err)
	}
}

// WrapStreamingClient implements connect.Interceptor.
func (telling) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// WrapStreamingHandler implements connect.Interceptor.
func (t telling) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		return t.errors.Tell(ctx, conn.Spec().Procedure, true, next(ctx, conn))
	}
}
