package fault

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"

	warrenv1 "warren/api/warren/v1"
	"warren/api/warren/v1/warrenv1connect"
)

type refusing struct {
	warrenv1connect.UnimplementedNodeServiceHandler
	err error
}

func (r refusing) Status(context.Context, *warrenv1.StatusRequest) (*warrenv1.StatusResponse, error) {
	return nil, r.err
}

func (r refusing) Ping(context.Context, *warrenv1.PingRequest, *connect.ServerStream[warrenv1.PingResponse]) error {
	return r.err
}

// overAPI returns err as a client sees it once a unary and once a streaming
// handler have returned it, over real HTTP.
func overAPI(t *testing.T, err error) map[string]error {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle(warrenv1connect.NewNodeServiceHandler(refusing{err: err}, connect.WithInterceptors(Interceptor())))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	out := map[string]error{}
	for name, opt := range map[string]connect.ClientOption{"connect": connect.WithClientOptions(), "grpcweb": connect.WithGRPCWeb()} {
		client := warrenv1connect.NewNodeServiceClient(server.Client(), server.URL, opt, connect.WithInterceptors(Interceptor()))
		_, err := client.Status(t.Context(), &warrenv1.StatusRequest{})
		out[name+" unary"] = err
		stream, err := client.Ping(t.Context(), &warrenv1.PingRequest{})
		if err != nil {
			t.Fatal(err)
		}
		for stream.Receive() {
			t.Error("a message where an error is due")
		}
		out[name+" stream"] = stream.Err()
		if err := stream.Close(); err != nil {
			t.Error(err)
		}
	}
	return out
}

func TestFaultsSurviveTheAPI(t *testing.T) {
	t.Parallel()
	type seen struct {
		Kind                  Kind
		Message, Hint, Reason string
	}
	tests := map[string]struct {
		err  error
		want seen
	}{
		"plain": {errors.New("disk on fire"), seen{Internal, "disk on fire", "", ""}},
		"empty": {errors.New(""), seen{Internal, "internal", "", ""}},
		"umlaut": {
			New(Denied, "Zugriff für \xff verweigert").Try("frag die Chefin: …"),
			seen{Denied, "Zugriff für \ufffd verweigert", "frag die Chefin: …", ""},
		},
		"unmapped": {connect.NewError(connect.CodeUnauthenticated, errors.New("who are you")), seen{Denied, "who are you", "", ""}},
	}
	for k := Internal; k <= Unavailable; k++ {
		tests[k.String()] = struct {
			err  error
			want seen
		}{
			fmt.Errorf("outer: %w", New(k, "inner").Try("warren ping %s", "cam-3").Because("used")),
			seen{k, "outer: inner", "warren ping cam-3", "used"},
		}
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for route, err := range overAPI(t, tt.err) {
				f := Of(err)
				if f == nil {
					t.Fatalf("%s: no error arrived", route)
				}
				got := seen{f.Kind, f.Message, f.Hint, f.Reason}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", route, diff)
				}
			}
		})
	}
}

// TestWhatIsSaidCrosses: a page gets the code of the sentence, and what stands in
// it; the first in the chain that has one.
func TestWhatIsSaidCrosses(t *testing.T) {
	t.Parallel()
	inner := New(Denied, "no user %q", "kim").Says(NoUser, "kim\xff")
	for name, sent := range map[string]error{
		"itself": inner, "wrapped": New(Unavailable, "shell: %w", inner), "twice": fmt.Errorf("forward: %w", Wire(inner)),
	} {
		for route, err := range overAPI(t, sent) {
			want := Said{NoUser, []string{"kim\ufffd"}}
			if diff := cmp.Diff(want, Of(err).Said); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", name, route, diff)
			}
		}
	}
	if got := New(Denied, "x").Said.Wire(); got != nil {
		t.Errorf("nothing said crosses as %v", got)
	}
}

func TestAnErrorMayCrossTwice(t *testing.T) {
	t.Parallel()
	first := overAPI(t, New(Conflict, "revision moved").Try("warren policy diff").Because("stale"))
	for route, err := range first {
		for second, err := range overAPI(t, fmt.Errorf("forward: %w", err)) {
			want := "warren: forward: revision moved; try: warren policy diff"
			if got := Format(err); got != want || ExitCode(err) != 5 {
				t.Errorf("%s, %s: %q exit %d, want %q exit 5", route, second, got, ExitCode(err), want)
			}
		}
	}
}

func TestTransportErrorsAreUnavailable(t *testing.T) {
	t.Parallel()
	client := warrenv1connect.NewNodeServiceClient(http.DefaultClient, "http://127.0.0.1:1", connect.WithInterceptors(Interceptor()))
	_, err := client.Status(t.Context(), &warrenv1.StatusRequest{})
	if KindOf(err) != Unavailable {
		t.Errorf("nobody listens: %v (%v), want unavailable", err, KindOf(err))
	}
	wrapped := New(Unavailable, "no daemon answers: %w", err).Try("warren up")
	if got := Of(wrapped); got.Hint != "warren up" {
		t.Errorf("hint %q, want the outer one", got.Hint)
	}
}

func TestEveryCodeHasAKind(t *testing.T) {
	t.Parallel()
	want := map[connect.Code]Kind{
		connect.CodeCanceled: Unavailable, connect.CodeUnknown: Internal, connect.CodeInvalidArgument: Invalid,
		connect.CodeDeadlineExceeded: Unavailable, connect.CodeNotFound: NotFound, connect.CodeAlreadyExists: Conflict,
		connect.CodePermissionDenied: Denied, connect.CodeResourceExhausted: Unavailable, connect.CodeFailedPrecondition: Conflict,
		connect.CodeAborted: Conflict, connect.CodeOutOfRange: Invalid, connect.CodeUnimplemented: Unavailable,
		connect.CodeInternal: Internal, connect.CodeUnavailable: Unavailable, connect.CodeDataLoss: Internal,
		connect.CodeUnauthenticated: Denied,
	}
	for c, k := range want {
		err := connect.NewError(c, errors.New("x"))
		if got := KindOf(err); got != k {
			t.Errorf("%v is %v, want %v", c, got, k)
		}
		if got := Format(err); got != "warren: x" {
			t.Errorf("%v prints %q", c, got)
		}
	}
}

func TestWireOfNothing(t *testing.T) {
	t.Parallel()
	if Wire(nil) != nil || FromWire(nil) != nil {
		t.Error("nil became an error")
	}
	plain := errors.New("local")
	if got := FromWire(plain); got != plain { //nolint:errorlint // identity is the promise
		t.Errorf("a local error became %v", got)
	}
}

// TestAConnectionThatBreaksOff wants the libraries' words for it kept from
// people.
func TestAConnectionThatBreaksOff(t *testing.T) {
	t.Parallel()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	for name, breakOff := range map[string]http.HandlerFunc{
		"before a word": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"within a message": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/connect+proto")
			_, _ = w.Write([]byte{0, 0, 0, 0, 9, 1, 2})
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		},
	} {
		for _, http2 := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, http2 %v", name, http2), func(t *testing.T) {
				t.Parallel()
				server := httptest.NewUnstartedServer(breakOff)
				client := http.DefaultClient
				if http2 {
					server.Config.Protocols = protocols
					client = &http.Client{Transport: &http.Transport{Protocols: protocols}}
				}
				server.Start()
				defer server.Close()
				node := warrenv1connect.NewNodeServiceClient(client, server.URL, connect.WithInterceptors(Interceptor()))
				if name == "before a word" {
					_, err := node.Status(t.Context(), &warrenv1.StatusRequest{})
					want := "warren: the connection broke off before the answer came; try: look whether it took effect, then the same again"
					if got := Format(err); got != want || Of(err).Reason != "broken" || ExitCode(err) != 6 {
						t.Errorf("unary: %q, exit %d", got, ExitCode(err))
					}
				}
				stream, err := node.Ping(t.Context(), &warrenv1.PingRequest{})
				if err == nil {
					for stream.Receive() {
						t.Error("a message came")
					}
					err = stream.Err()
				}
				if got := Format(err); got != "warren: the connection broke off" || ExitCode(err) != 6 {
					t.Errorf("stream: %q, exit %d (%v)", got, ExitCode(err), err)
				}
			})
		}
	}
}
