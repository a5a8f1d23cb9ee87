package fault

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"unicode"

	"connectrpc.com/connect"

	warrenv1 "warren/api/warren/v1"
)

// Wire gives err the form in which it crosses the API: a *connect.Error with
// the kind's code, the message, and a detail that carries kind, hint, reason
// and id. It is nil for nil.
func Wire(err error) error {
	if err == nil {
		return nil
	}
	f := Of(err)
	out := connect.NewError(code(f.Kind), errors.New(valid(f.Error())))
	detail, derr := connect.NewErrorDetail(&warrenv1.Fault{Kind: f.Kind.String(), Hint: valid(f.Hint), Reason: valid(f.Reason), Id: valid(f.ID), Said: f.Said.Wire()})
	if derr != nil {
		return errors.Join(out, derr)
	}
	out.AddDetail(detail)
	return out
}

// valid is s as protobuf takes it: UTF-8.
func valid(s string) string { return strings.ToValidUTF8(s, string(unicode.ReplacementChar)) }

// FromWire undoes Wire on the calling side. Errors that never crossed the API
// come back as they are, but for a connection that broke off, of which the
// libraries speak in their own words.
func FromWire(err error) error {
	var c *connect.Error
	if !errors.As(err, &c) {
		return err
	}
	if broke(c) {
		out := New(Unavailable, "the connection broke off before the answer came").
			Try("look whether it took effect, then the same again").Because("broken")
		out.Err = err
		return out
	}
	return Of(err)
}

// broke tells whether c says that the connection ended under a call.
func broke(c *connect.Error) bool {
	var f *Error
	if connect.IsWireError(c) || errors.As(c, &f) || errors.Is(c, context.Canceled) || errors.Is(c, context.DeadlineExceeded) {
		return false
	}
	var op *net.OpError
	switch cause := c.Message(); {
	case errors.As(c, &op), errors.Is(c, io.EOF), errors.Is(c, io.ErrUnexpectedEOF):
		return true
	default: // net/http keeps the types of its HTTP/2 errors to itself
		return strings.Contains(cause, "http2: ") || strings.Contains(cause, "unexpected EOF") || strings.HasPrefix(cause, "stream error: ")
	}
}

// readWire fills in what c, which stands somewhere in e's chain, tells.
func (e *Error) readWire(c *connect.Error) {
	if broke(c) {
		e.Kind, e.Reason = Unavailable, "broken"
		e.Message = strings.Replace(e.Message, c.Error(), "the connection broke off", 1)
		return
	}
	e.Kind = kind(c.Code())
	// The code's word is for programs; the kind says the same.
	e.Message = strings.Replace(e.Message, c.Error(), first(c.Message(), e.Kind.String()), 1)
	for _, d := range c.Details() {
		v, err := d.Value()
		if err != nil {
			continue
		}
		f, ok := v.(*warrenv1.Fault)
		if !ok {
			continue
		}
		if k, ok := kindNamed(f.GetKind()); ok {
			e.Kind = k
		}
		e.Hint, e.Reason, e.ID = f.GetHint(), f.GetReason(), f.GetId()
		e.Said = Said{Code(f.GetSaid().GetCode()), f.GetSaid().GetArgs()}
		return
	}
}

func code(k Kind) connect.Code {
	switch k {
	case Invalid:
		return connect.CodeInvalidArgument
	case Denied:
		return connect.CodePermissionDenied
	case NotFound:
		return connect.CodeNotFound
	case Conflict:
		return connect.CodeFailedPrecondition
	case Unavailable:
		return connect.CodeUnavailable
	case Internal:
	}
	return connect.CodeInternal
}

func kind(c connect.Code) Kind {
	switch c {
	case connect.CodeInvalidArgument, connect.CodeOutOfRange:
		return Invalid
	case connect.CodePermissionDenied, connect.CodeUnauthenticated:
		return Denied
	case connect.CodeNotFound:
		return NotFound
	case connect.CodeFailedPrecondition, connect.CodeAlreadyExists, connect.CodeAborted:
		return Conflict
	// A node that does not know a call is an older node: another may know it.
	case connect.CodeUnavailable, connect.CodeDeadlineExceeded, connect.CodeCanceled,
		connect.CodeResourceExhausted, connect.CodeUnimplemented:
		return Unavailable
	case connect.CodeInternal, connect.CodeUnknown, connect.CodeDataLoss:
	}
	return Internal
}

// Interceptor puts every error that a Connect handler returns through Wire and
// every error a unary client gets through FromWire. A streaming client's
// errors need no conversion: Of, Format and ExitCode read them as they are.
func Interceptor() connect.Interceptor { return interceptor{} }

type interceptor struct{}

func (interceptor) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		res, err := next(ctx, req)
		if err == nil {
			return res, nil
		}
		if req.Spec().IsClient {
			return nil, FromWire(err)
		}
		return nil, Wire(err)
	}
}

func (interceptor) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

func (interceptor) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		return Wire(next(ctx, conn))
	}
}
