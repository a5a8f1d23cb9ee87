package identity

import (
	"fmt"
	"slices"

	warrenv1 "warren/api/warren/v1"
)

// Equal compares what two statements say; nil is equal to nil only.
func (r *Rendezvous) Equal(o *Rendezvous) bool {
	if r == nil || o == nil {
		return r == o
	}
	return r.Certificate == o.Certificate && r.Relay == o.Relay &&
		slices.Equal(r.TLS, o.TLS) && slices.Equal(r.STUN, o.STUN)
}

func (r *Rendezvous) message() *warrenv1.Rendezvous {
	if r == nil {
		return nil
	}
	return &warrenv1.Rendezvous{
		Certificate: r.Certificate[:], Relay: uint32(r.Relay),
		Tls: wide(r.TLS, MaxTLS), Stun: wide(r.STUN, MaxSTUN),
	}
}

// wide leaves out zeroes and what is beyond most.
func wide(ports []uint16, most int) []uint32 {
	var out []uint32
	for _, p := range ports {
		if p != 0 && len(out) < most {
			out = append(out, uint32(p))
		}
	}
	return out
}

func openRendezvous(m *warrenv1.Rendezvous) (*Rendezvous, error) {
	if m == nil {
		return nil, nil //nolint:nilnil // nothing stated is no mistake
	}
	r := new(Rendezvous)
	if len(m.GetCertificate()) != len(r.Certificate) {
		return nil, fmt.Errorf("certificate hash of %d bytes: %w", len(m.GetCertificate()), ErrStatement)
	}
	copy(r.Certificate[:], m.GetCertificate())
	var err error
	if r.TLS, err = narrow(m.GetTls(), MaxTLS); err != nil {
		return nil, err
	}
	if r.STUN, err = narrow(m.GetStun(), MaxSTUN); err != nil {
		return nil, err
	}
	if m.GetRelay() > 65535 {
		return nil, fmt.Errorf("port %d of a rendezvous: %w", m.GetRelay(), ErrStatement)
	}
	r.Relay = uint16(m.GetRelay())
	return r, nil
}

func narrow(ports []uint32, most int) ([]uint16, error) {
	if len(ports) > most {
		return nil, fmt.Errorf("%d ports of a rendezvous, want at most %d: %w", len(ports), most, ErrStatement)
	}
	var out []uint16
	for _, p := range ports {
		if p == 0 || p > 65535 {
			return nil, fmt.Errorf("port %d of a rendezvous: %w", p, ErrStatement)
		}
		out = append(out, uint16(p))
	}
	return out, nil
}
