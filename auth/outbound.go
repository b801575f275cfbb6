package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// Outbound makes the one HTTP client that fetches what a stranger named, such as
// a jwks_uri. The address is judged when the connection is made, so that neither
// a name that resolves to the inside nor one that changes its mind gets there.
// Redirects are not followed, no proxy is asked, and only the allowed networks
// are reached besides public addresses.
func Outbound(allowed ...netip.Prefix) *http.Client {
	dialer := &net.Dialer{
		Timeout: 5 * time.Second,
		Control: func(_, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil {
				return errors.New("auth: an address that cannot be read")
			}
			return reachable(to.Addr(), allowed)
		},
	}
	return &http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSHandshakeTimeout:    5 * time.Second,
			ResponseHeaderTimeout:  5 * time.Second,
			MaxResponseHeaderBytes: 16 << 10,
			MaxConnsPerHost:        2,
			IdleConnTimeout:        30 * time.Second,
			ForceAttemptHTTP2:      true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// closed are networks that no stranger may send this server to, besides loopback,
// private, link-local and multicast ones, which netip knows.
var closed = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),     // this host
	netip.MustParsePrefix("100.64.0.0/10"), // carrier-grade NAT, RFC 6598
	netip.MustParsePrefix("192.0.0.0/24"),  // protocol assignments, RFC 6890
	netip.MustParsePrefix("192.0.2.0/24"),  // documentation
	netip.MustParsePrefix("198.18.0.0/15"), // benchmarks, RFC 2544
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),  // reserved, and broadcast
	netip.MustParsePrefix("64:ff9b::/96"), // NAT64, which leads to IPv4
	netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("100::/64"),  // discard
	netip.MustParsePrefix("2001::/23"), // Teredo and other assignments
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"), // 6to4, which leads to IPv4
	netip.MustParsePrefix("fec0::/10"), // site-local of old
}

// reachable refuses an address inside, unless it is allowed.
func reachable(ip netip.Addr, allowed []netip.Prefix) error {
	ip = ip.Unmap().WithZone("")
	for _, network := range allowed {
		if network.Contains(ip) {
			return nil
		}
	}
	inside := !ip.IsGlobalUnicast() || ip.IsPrivate()
	for _, network := range closed {
		inside = inside || network.Contains(ip)
	}
	if inside {
		return errors.New("auth: the address is not public, and not among those allowed")
	}
	return nil
}

// fetch reads at most limit bytes of a URL that answers 200 at once.
func fetch(ctx context.Context, client *http.Client, url string, limit int64) ([]byte, http.Header, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, nil, err
	}
	request.Header.Set("Accept", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("auth: status %d", response.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("auth: more than %d bytes", limit)
	}
	return data, response.Header, err
}
