package rest

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// fromProxy puts the address of the caller where that of a trusted proxy stands:
// the last of X-Forwarded-For that no trusted proxy has. What others write into that
// field counts for nothing, so that nobody gives himself another address.
func (s *Server) fromProxy(r *http.Request) {
	if len(s.Proxies) == 0 || !s.trusted(r.RemoteAddr) {
		return
	}
	var hops []string
	for _, field := range r.Header.Values("X-Forwarded-For") {
		hops = append(hops, strings.Split(field, ",")...)
	}
	for i := len(hops) - 1; i >= 0; i-- {
		hop := strings.Trim(strings.TrimSpace(hops[i]), "[]")
		address, err := netip.ParseAddr(hop)
		if err != nil {
			return // what a trusted proxy did not write
		}
		r.RemoteAddr = net.JoinHostPort(address.Unmap().WithZone("").String(), "0")
		if !s.trusted(r.RemoteAddr) {
			return
		}
	}
}

// trusted reports whether an address with a port is that of a proxy of ours.
func (s *Server) trusted(address string) bool {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return false
	}
	ip := to.Addr().Unmap().WithZone("")
	for _, network := range s.Proxies {
		if network.Contains(ip) {
			return true
		}
	}
	return false
}
