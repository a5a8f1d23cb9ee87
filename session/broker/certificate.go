package broker

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"
)

// certificateAge is how long one DTLS certificate serves new sessions.
const certificateAge = 24 * time.Hour

// certificates holds the process's DTLS certificate. Making one costs well
// under a millisecond, so it is made when it is asked for and the last one is
// a day old. Its names say nothing: what counts is that its hash is signed.
type certificates struct {
	mu   sync.Mutex
	last certificate
	made time.Time
}

func (c *certificates) current(now time.Time) (certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if age := now.Sub(c.made); !c.made.IsZero() && age >= 0 && age < certificateAge {
		return c.last, nil
	}
	fresh, err := newCertificate()
	if err != nil {
		return certificate{}, err
	}
	c.last, c.made = fresh, now
	return fresh, nil
}

func newCertificate() (certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return certificate{}, fmt.Errorf("make session certificate: %w", err)
	}
	// The dates are wide and fixed: nobody reads them but pion, which refuses
	// to use a certificate that the local clock, however wrong, calls expired.
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "warren"},
		NotBefore:    time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return certificate{}, fmt.Errorf("make session certificate: %w", err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return certificate{}, fmt.Errorf("make session certificate: %w", err)
	}
	return certificate{webrtc: webrtc.CertificateFromX509(key, parsed), fingerprint: sha256.Sum256(der)}, nil
}
