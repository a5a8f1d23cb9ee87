package console

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect"

	"warren/node/fault"
)

const (
	// headerTime and bodyTime bound how long a request may take to come.
	headerTime = 5 * time.Second
	bodyTime   = 30 * time.Second
	// guestTime bounds all of a request of who is not known.
	guestTime = 10 * time.Second
	// maxBody bounds a call, maxEnter the exchange of a token.
	maxBody  = 4 << 20
	maxEnter = 1 << 10
)

const (
	enterPath    = "/console/enter"
	terminalPath = "/console/terminal"
	desktopPath  = "/console/desktop"
	manualPath   = "/docs/" // and what is below it
)

// ServeHTTP implements http.Handler: it is the order of the gates.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.secure(w.Header(), r)
	if !slices.Contains(s.hosts, r.Host) {
		http.Error(w, "this console answers to localhost only", http.StatusForbidden)
		return
	}
	if isGuest(r.Context()) {
		// One request a connection, and who does not read is not waited for.
		w.Header().Set("Connection", "close")
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(guestTime)) // where there is no connection, nobody waits
	}
	// Whatever is not written exactly as declared names nothing: no escapes, no
	// query, no other case, nothing to be cleaned.
	serve, method := s.route(r)
	if serve == nil {
		http.Error(w, "there is nothing here", http.StatusNotFound)
		return
	}
	if r.Method != method && (method != http.MethodGet || r.Method != http.MethodHead) {
		w.Header().Set("Allow", method)
		http.Error(w, "this takes "+method+" only", http.StatusMethodNotAllowed)
		return
	}
	serve(w, r)
}

// secure sets what holds for every answer.
func (s *Server) secure(h http.Header, r *http.Request) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Embedder-Policy", "require-corp")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Cache-Control", "no-store")
	policy := "default-src 'none'; script-src 'self'" + s.importMap + "; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; " +
		"connect-src 'self'"
	if slices.Contains(s.hosts, r.Host) {
		policy += " ws://" + r.Host // browsers differ in whether 'self' has it
	}
	h.Set("Content-Security-Policy", policy+"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
}

// route finds what a request names, and the method it takes.
func (s *Server) route(r *http.Request) (serve http.HandlerFunc, method string) {
	path := r.URL.Path
	if r.RequestURI != path {
		return nil, ""
	}
	if path == "/" {
		return s.index, http.MethodGet
	}
	if p, ok := s.pages[path]; ok {
		return p.serve, http.MethodGet
	}
	if strings.HasPrefix(path, manualPath) {
		return s.cfg.Manual.ServeHTTP, http.MethodGet
	}
	founding := s.cfg.Local.Founding()
	switch {
	case path == enterPath:
		return s.sameOrigin(s.enter), http.MethodPost
	case path == terminalPath && !founding:
		return s.terminal, http.MethodGet
	case path == desktopPath && !founding:
		return s.desktop, http.MethodGet
	case founding && s.begins[path]:
		return s.sameOrigin(s.call(s.begin)), http.MethodPost
	case !founding && s.calls[path]:
		return s.sameOrigin(s.call(s.api)), http.MethodPost
	}
	return nil, ""
}

// own tells whether an Origin is this console's.
func (s *Server) own(origin string) bool {
	host, ok := strings.CutPrefix(origin, "http://")
	return ok && slices.Contains(s.hosts, host)
}

// sameOrigin turns away what another page makes the browser send. Programs
// send neither header.
func (s *Server) sameOrigin(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		origins, site := r.Header.Values("Origin"), r.Header.Get("Sec-Fetch-Site")
		if len(origins) > 1 || len(origins) == 1 && !s.own(origins[0]) || site != "" && site != "same-origin" && site != "none" {
			http.Error(w, "this comes from another page", http.StatusForbidden)
			return
		}
		next(w, r)
	}
}

// call answers a call of the API for who bears a bearer.
func (s *Server) call(next http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p, err := s.bearer(r)
		if !s.pace(w, r, err == nil) {
			return
		}
		if err == nil {
			err = s.cfg.Local.Admit(p.uid)
		}
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		if vouched(r.Context()); !isGuest(r.Context()) {
			w.Header().Del("Connection")
		}
		_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
		if !s.body(w, r, maxBody, bodyTime) {
			return
		}
		_ = s.lease(p, ownerOf(r.Context()), nil).during(r.Context(), func(ctx context.Context) error {
			next.ServeHTTP(w, r.WithContext(ctx))
			return nil
		})
	}
}

// unknown is for who has no bearer, or one that does not hold any more.
func unknown() error {
	return fault.New(fault.Denied, "this page is not let in, or not any more").Try("warren console").Because("bearer").Says(fault.NotLetIn)
}

// refuse answers as Connect services do. Who has no bearer that holds gets
// another code than who may not do something, and asks for a new one.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, errBearer) {
		s.refuseAs(w, r, connect.CodeUnauthenticated, unknown())
		return
	}
	s.refuseAs(w, r, 0, err)
}

// refuseAs answers with a code, where it is 0 with the one of err's kind.
func (s *Server) refuseAs(w http.ResponseWriter, r *http.Request, code connect.Code, err error) {
	wire := fault.Wire(s.cfg.Local.Errors.Tell(r.Context(), r.URL.Path, false, err))
	var c *connect.Error
	if code != 0 && errors.As(wire, &c) {
		out := connect.NewError(code, errors.New(c.Message()))
		for _, d := range c.Details() {
			out.AddDetail(d)
		}
		wire = out
	}
	_ = connect.NewErrorWriter().Write(w, r, wire) // who is gone reads nothing
}

// bearer is who a request comes from.
func (s *Server) bearer(r *http.Request) (pass, error) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return pass{}, errBearer
	}
	text, ok := strings.CutPrefix(values[0], "Bearer ")
	if !ok {
		return pass{}, errBearer
	}
	return s.keys.check(text, ownerOf(r.Context()))
}

// pace answers where too much comes at once. Who has no bearer cannot use up
// what is there for those who have.
func (s *Server) pace(w http.ResponseWriter, r *http.Request, known bool) bool {
	if known && s.known.Allow() || !known && s.others.allow(ownerOf(r.Context())) {
		return true
	}
	w.Header().Set("Retry-After", "1")
	s.refuseAs(w, r, connect.CodeResourceExhausted, tooMany())
	return false
}

func tooMany() error {
	return fault.New(fault.Unavailable, "too many requests at once").Try("again in a moment").Says(fault.TooManyRequests)
}

// body reads a request's body whole, within its bounds, so that nothing after
// this waits for the sender.
func (s *Server) body(w http.ResponseWriter, r *http.Request, most int64, within time.Duration) bool {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(within)) // where there is no connection, nobody waits
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	_ = control.SetReadDeadline(time.Time{})
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		s.refuseAs(w, r, connect.CodeResourceExhausted, fault.New(fault.Invalid, "the request is over %d bytes", most))
		return false
	case err != nil:
		s.refuse(w, r, fault.New(fault.Invalid, "the request did not come whole"))
		return false
	}
	r.Body = io.NopCloser(bytes.NewReader(data))
	r.ContentLength = int64(len(data))
	return true
}

// enter exchanges a one-time token for a bearer.
func (s *Server) enter(w http.ResponseWriter, r *http.Request) {
	if !s.pace(w, r, false) || !s.body(w, r, maxEnter, guestTime) {
		return
	}
	var ask struct {
		Token string `json:"token"`
	}
	if err := json.NewDecoder(r.Body).Decode(&ask); err != nil || ask.Token == "" {
		s.refuse(w, r, fault.New(fault.Invalid, `want {"token":"..."}`))
		return
	}
	bearer, expires, err := s.keys.exchange(ask.Token, ownerOf(r.Context()))
	if err != nil {
		s.refuseAs(w, r, connect.CodeUnauthenticated, err)
		return
	}
	vouched(r.Context())
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"bearer": bearer, "expires": expires.Unix()})
}
