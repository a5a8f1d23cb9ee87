//go:build linux

package main

import "time"

// natMatrix has a technician and a device behind each kind of router, and lets
// each technician reach each device.
func natMatrix() story {
	return story{
		id: "nat-matrix", about: "every kind of NAT to every other: direct where it can be, else through a member", limit: 3 * time.Minute,
		tell: func(t *teller) {
			c1 := t.found("c1")
			kinds := []string{"public", "restricted", "symmetric", "blocked"}
			at := func(kind, side string) *place {
				switch kind {
				case "public":
					return t.internet()
				case "restricted":
					return t.router("r"+side, PortRestricted).lan
				case "symmetric":
					return t.router("s"+side, Symmetric).lan
				}
				r := t.router("b"+side, Symmetric)
				r.blockUDP()
				return r.lan
			}
			technicians, devices := map[string]*machine{}, map[string]*machine{}
			for _, kind := range kinds {
				technicians[kind] = t.technician(c1, "t-"+kind, at(kind, "-t"))
				devices[kind] = t.enrol(c1, "d-"+kind, at(kind, "-d"))
			}
			for _, kind := range kinds {
				technicians[kind].up()
				devices[kind].up()
			}
			for _, from := range kinds {
				for _, to := range kinds {
					words, right := expected(from, to)
					p, took := technicians[from].reaches(devices[to].name, 20*time.Second, words, right)
					t.figure(from+"_to_"+to, p.Kind)
					t.figure(from+"_to_"+to, took)
				}
			}
		},
	}
}

// expected is the best path there can be.
func expected(from, to string) (string, func(path) bool) {
	one := func(kind string) bool { return from == kind || to == kind }
	switch {
	case one("blocked"):
		return "by TLS", func(p path) bool { return p.Kind == "member-tls" && p.Via == "c1" }
	case one("public"), from == "restricted" && to == "restricted":
		return "directly", path.direct
	}
	return "through a member by UDP", func(p path) bool { return p.Kind == "member-udp" && p.Via == "c1" }
}
