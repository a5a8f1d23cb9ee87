package node

import (
	"crypto/tls"
	"net"
	"net/http"

	"warren/node/landing"
)

// landing is the page behind invite links, and the certificate that browsers
// get it with.
func (l *life) landing() (http.Handler, *tls.Certificate, error) {
	page, err := landing.New(l.membership().MeshName, l.mesh.String()[:8])
	if err != nil {
		return nil, nil, err
	}
	var hosts []string
	for _, p := range l.cfg.Up.Public {
		if host, _, err := net.SplitHostPort(p); err == nil {
			hosts = append(hosts, host)
		}
	}
	cert, err := landing.Certificate(hosts...)
	return page, cert, err
}
