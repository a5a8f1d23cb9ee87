package identity

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"
)

// ErrPeer is what every refusal of a TLS peer by this package wraps.
var ErrPeer = errors.New("peer not acceptable")

// Certificate wraps k's public key for TLS: self-signed, the same each time,
// and with no names in it but those given, for clients that compare names. It
// is valid at any time (RFC 5280, 4.1.2.5), because a machine with a wrong
// clock has to be reachable to be repaired.
func Certificate(k NodeKey, names ...string) (tls.Certificate, error) {
	if k.IsZero() {
		return tls.Certificate{}, errors.New("make certificate: no node key")
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "warren"},
		NotBefore:    time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:     names,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k.Signer())
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("read own certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: k.Signer(), Leaf: leaf}, nil
}

// PeerCheck decides about a peer that has proved to hold key, for one of the
// protocols both sides speak. It is called in each handshake, on the
// handshake's goroutine.
type PeerCheck func(peer NodeID, key ed25519.PublicKey, proto string) error

// ServerConfig makes the TLS side that listens: TLS 1.3, no resumption, a
// client certificate and one of protos required, and check asked about each
// peer.
func ServerConfig(k NodeKey, protos []string, check PeerCheck) (*tls.Config, error) {
	if check == nil {
		return nil, errors.New("TLS server without a check of its peers")
	}
	cfg, err := config(k, protos, check)
	if err != nil {
		return nil, err
	}
	// No authority signs certificates here, so there is no chain to verify;
	// that the client holds the key, the handshake verifies all the same.
	cfg.ClientAuth = tls.RequireAnyClientCert
	return cfg, nil
}

// ClientConfig makes the TLS side that dials: TLS 1.3, no resumption, one of
// protos required, and nobody but node want answered.
func ClientConfig(k NodeKey, protos []string, want NodeID) (*tls.Config, error) {
	if want.IsZero() {
		return nil, errors.New("TLS client without an expected node")
	}
	cfg, err := config(k, protos, func(peer NodeID, _ ed25519.PublicKey, _ string) error {
		if peer != want {
			return fmt.Errorf("node %s answered where %s was expected: %w", peer.Short(), want.Short(), ErrPeer)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	// What is skipped is the chain and the host name, neither of which exists
	// here. VerifyConnection pins the key instead, and the handshake verifies
	// that the server holds it.
	cfg.InsecureSkipVerify = true
	return cfg, nil
}

func config(k NodeKey, protos []string, check PeerCheck) (*tls.Config, error) {
	if len(protos) == 0 || slices.Contains(protos, "") {
		return nil, errors.New("TLS without a protocol to agree on")
	}
	cert, err := Certificate(k)
	if err != nil {
		return nil, err
	}
	protos = slices.Clone(protos)
	return &tls.Config{
		Certificates:           []tls.Certificate{cert},
		MinVersion:             tls.VersionTLS13,
		NextProtos:             protos,
		SessionTicketsDisabled: true,
		// Not VerifyPeerCertificate: a resumed session would skip that one.
		VerifyConnection: func(cs tls.ConnectionState) error {
			peer, key, err := PeerOf(cs)
			if err != nil {
				return err
			}
			// crypto/tls lets a peer without ALPN pass.
			if !slices.Contains(protos, cs.NegotiatedProtocol) {
				return fmt.Errorf("no protocol in common with node %s: %w", peer.Short(), ErrPeer)
			}
			return check(peer, key, cs.NegotiatedProtocol)
		},
	}, nil
}

// PeerOf tells whose key a handshake has proved: exactly one certificate,
// with an Ed25519 key. What else the certificate says means nothing.
func PeerOf(cs tls.ConnectionState) (NodeID, ed25519.PublicKey, error) {
	if len(cs.PeerCertificates) != 1 {
		return NodeID{}, nil, fmt.Errorf("%d certificates, want one: %w", len(cs.PeerCertificates), ErrPeer)
	}
	key, ok := cs.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	if !ok || len(key) != ed25519.PublicKeySize {
		return NodeID{}, nil, fmt.Errorf("a certificate without an Ed25519 key: %w", ErrPeer)
	}
	return NodeIDOf(key), key, nil
}
