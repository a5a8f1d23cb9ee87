package broker

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/pion/datachannel"
	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/transport/v5/stdnet"
	"github.com/pion/webrtc/v4"

	"warren/session"
)

const (
	// connectTimeout bounds ICE, DTLS and SCTP together.
	connectTimeout = 15 * time.Second
	// iceKeepalive is how often an idle side makes itself heard.
	iceKeepalive = 2 * time.Second
	// iceRequests times 200 ms is how long ICE tries one pair.
	iceRequests = 50
	// flight is DTLS's first retransmission; the path is short and was just
	// proved by ICE, so pion's second is long.
	flight = 250 * time.Millisecond
	// resend bounds SCTP's back-off: after an outage the session goes on within
	// this time.
	resend = 2 * time.Second
	// receiveBuffer is SCTP's window: above every kind's own.
	receiveBuffer = 1 << 20

	channelLabel = "warren"
)

// role says which half of a link a node plays. The device is the first to know
// that ICE has settled, so it is the DTLS client and opens the channel: no
// flight is spent waiting.
type role int

const (
	roleTechnician role = iota // controls ICE, DTLS server, gets the channel
	roleDevice                 // ICE controlled, DTLS client, opens the channel
)

// link is a WebRTC connection with one data channel, made from signed
// fingerprints by the ORTC calls: no SDP exists on either side, so there is
// none to inject an algorithm or a second fingerprint into.
type link struct {
	path     *path
	api      *webrtc.API
	gatherer *webrtc.ICEGatherer
	ice      *webrtc.ICETransport
	dtls     *webrtc.DTLSTransport
	sctp     *webrtc.SCTPTransport

	timing Timing

	channel *webrtc.DataChannel
	raw     datachannel.ReadWriteCloserDeadliner

	opened chan *webrtc.DataChannel // the technician's side gets it here
	lost   chan struct{}            // closed when ICE gives up
	gone   chan struct{}            // closed when the SCTP association has ended
	once   sync.Once
	leave  sync.Once
	stop   sync.Once

	mu   sync.Mutex
	wake func() // called once when the peer is lost
}

// Timing is how long the phases of opening a session took.
type Timing struct {
	// Hello and Offer are round trips to the device, signatures included; the
	// device has none of them.
	Hello, Offer time.Duration
	ICE, DTLS    time.Duration
	SCTP         time.Duration
	Channel      time.Duration
}

// String is for logs.
func (t Timing) String() string {
	return fmt.Sprintf("hello %s offer %s ice %s dtls %s sctp %s channel %s", t.Hello, t.Offer, t.ICE, t.DTLS, t.SCTP, t.Channel)
}

// lap gives the time since *at and moves it to now.
func lap(at *time.Time) time.Duration {
	now := time.Now()
	d := now.Sub(*at)
	*at = now
	return d
}

// peer is what a side knows of the other: the unsigned transport and the
// signed fingerprint.
type peer struct {
	credentials
	fingerprint [sha256.Size]byte
}

// newLink prepares a link on path; establish connects it.
func newLink(p *path, own credentials, cert certificate) (*link, error) {
	settings := webrtc.SettingEngine{LoggerFactory: quiet{p.hub.cfg.Log}}
	settings.SetICEUDPMux(pathMux{p})
	settings.SetNet(&stdnet.Net{}) // knows no interface: listing them takes time and is of no use
	settings.SetICECredentials(own.ufrag, own.password)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6})
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.SetIncludeLoopbackCandidate(true)
	settings.DisableActiveTCP(true)
	settings.SetRemoteIPFilter(func(ip net.IP) bool {
		a, ok := netip.AddrFromSlice(ip)
		return ok && p.hub.cfg.AllowCandidate(a.Unmap())
	})
	settings.SetHostAcceptanceMinWait(0)
	settings.SetPrflxAcceptanceMinWait(0)
	silence := p.hub.cfg.Silence
	settings.SetICETimeouts(silence/3, silence-silence/3, min(iceKeepalive, silence/5)) // failed comes after both
	settings.SetICEMaxBindingRequests(iceRequests)
	settings.SetDTLSRetransmissionInterval(flight)
	settings.SetDTLSInsecureSkipHelloVerify(true) // ICE has just verified the address
	settings.SetDTLSExtendedMasterSecret(dtls.RequireExtendedMasterSecret)
	settings.SetDTLSCipherSuites(dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)
	settings.SetSCTPMaxReceiveBufferSize(receiveBuffer)
	settings.SetSCTPRTOMax(resend)
	settings.SetSCTPMaxMessageSize(session.MaxMessage)
	settings.DetachDataChannels()

	api := webrtc.NewAPI(
		webrtc.WithSettingEngine(settings),
		webrtc.WithMediaEngine(&webrtc.MediaEngine{}),
		webrtc.WithInterceptorRegistry(&interceptor.Registry{}),
	)
	gatherer, err := api.NewICEGatherer(webrtc.ICEGatherOptions{})
	if err != nil {
		return nil, fmt.Errorf("prepare link: %w", err)
	}
	l := &link{path: p, api: api, gatherer: gatherer, opened: make(chan *webrtc.DataChannel, 1), lost: make(chan struct{}), gone: make(chan struct{})}
	l.ice = webrtc.NewICETransport(gatherer, settings.LoggerFactory)
	l.ice.OnConnectionStateChange(func(s webrtc.ICETransportState) {
		if s == webrtc.ICETransportStateFailed {
			l.giveUp()
		}
	})
	if l.dtls, err = api.NewDTLSTransport(l.ice, []webrtc.Certificate{cert.webrtc}); err != nil {
		return nil, fmt.Errorf("prepare link: %w", err)
	}
	l.sctp = api.NewSCTPTransport(l.dtls)
	l.sctp.OnClose(func(error) { l.leave.Do(func() { close(l.gone) }) })
	l.sctp.OnDataChannel(func(c *webrtc.DataChannel) {
		c.OnOpen(func() {
			select {
			case l.opened <- c:
			default: // a second channel is none of ours: it is never read
			}
		})
	})
	return l, nil
}

// establish connects to the peer and opens the channel, or closes the link.
// The certificate that the peer showed is compared with the signed
// fingerprint by pion during the handshake and once more here, before the
// channel exists.
func (l *link) establish(ctx context.Context, r role, p peer) (err error) {
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	return l.connect(ctx, r, p)
}

func (l *link) connect(ctx context.Context, r role, p peer) error {
	at := time.Now()
	l.path.aim(p.tag)
	if err := l.gatherer.Gather(); err != nil {
		return fmt.Errorf("start link: %w", err)
	}
	for _, a := range p.candidates {
		candidate := &webrtc.ICECandidate{
			Foundation: "warren", Priority: 2130706431, Component: 1, Typ: webrtc.ICECandidateTypeHost,
			Protocol: webrtc.ICEProtocolUDP, Address: a.Addr().String(), Port: a.Port(),
		}
		if err := l.ice.AddRemoteCandidate(candidate); err != nil {
			return fmt.Errorf("start link: %w", err)
		}
	}
	iceRole, dtlsRole := webrtc.ICERoleControlling, webrtc.DTLSRoleClient
	if r == roleDevice {
		iceRole, dtlsRole = webrtc.ICERoleControlled, webrtc.DTLSRoleServer
	}
	remote := webrtc.ICEParameters{UsernameFragment: p.ufrag, Password: p.password}
	if err := l.ice.StartContext(ctx, nil, remote, &iceRole); err != nil {
		return unreachable("ice", err)
	}
	l.timing.ICE = lap(&at)
	if err := l.dtls.StartContext(ctx, webrtc.DTLSParameters{
		Role:         dtlsRole, // the other side's
		Fingerprints: []webrtc.DTLSFingerprint{{Algorithm: "sha-256", Value: colons(p.fingerprint)}},
	}); err != nil {
		return unreachable("dtls", err)
	}
	shown := sha256.Sum256(l.dtls.GetRemoteCertificate())
	if subtle.ConstantTimeCompare(shown[:], p.fingerprint[:]) != 1 {
		return unreachable("dtls", errors.New("the certificate shown is not the one that was signed"))
	}
	l.timing.DTLS = lap(&at)
	if err := l.sctp.StartContext(ctx, webrtc.SCTPCapabilities{MaxMessageSize: session.MaxMessage}); err != nil {
		return unreachable("sctp", err)
	}
	l.timing.SCTP = lap(&at)
	err := l.open(ctx, r)
	l.timing.Channel = lap(&at)
	return err
}

// open gives the link its one channel. The device opens it and may write at
// once: the announcement travels ahead of the first message.
func (l *link) open(ctx context.Context, r role) error {
	if r == roleDevice {
		channel, err := l.api.NewDataChannel(l.sctp, &webrtc.DataChannelParameters{Label: channelLabel, Ordered: true})
		if err != nil {
			return unreachable("channel", err)
		}
		l.channel = channel
	} else {
		select {
		case l.channel = <-l.opened:
		case <-l.lost:
			return unreachable("channel", session.ErrLost)
		case <-ctx.Done():
			return unreachable("channel", ctx.Err())
		}
		if l.channel.Label() != channelLabel || !l.channel.Ordered() {
			return unreachable("channel", fmt.Errorf("unexpected channel %.40q", l.channel.Label()))
		}
	}
	raw, err := l.channel.DetachWithDeadline()
	if err != nil {
		return unreachable("channel", err)
	}
	l.raw = raw
	return nil
}

// giveUp notes that the peer is lost.
func (l *link) giveUp() {
	l.once.Do(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		close(l.lost)
		if l.wake != nil {
			l.wake()
		}
	})
}

// whenLost has f called when the peer is lost, at once if it is already. f
// must not block.
func (l *link) whenLost(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wake = f
	select {
	case <-l.lost:
		f()
	default:
	}
}

// close ends everything below the channel and waits for pion's goroutines.
func (l *link) close() {
	l.stop.Do(func() {
		select {
		case <-l.gone: // pion would wait 400 ms for an ABORT that cannot leave any more
		default:
			_ = l.sctp.Stop()
		}
		_ = l.dtls.Stop()
		_ = l.ice.GracefulStop()
		_ = l.gatherer.GracefulClose()
		_ = l.path.Close()
	})
}

func unreachable(phase string, err error) error {
	return fmt.Errorf("%w (%s: %w)", session.ErrUnreachable, phase, err)
}

// colons writes a fingerprint as RFC 8122 does: "0a:1b:...".
func colons(sum [sha256.Size]byte) string {
	var b strings.Builder
	for i, v := range sum {
		if i > 0 {
			b.WriteByte(':')
		}
		fmt.Fprintf(&b, "%02x", v)
	}
	return b.String()
}
