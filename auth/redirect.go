package auth

import (
	"errors"
	"net"
	"net/url"
	"strings"
)

// redirects reports whether a redirect_uri is one of the client's, byte by byte
// (RFC 9700 §2.1): no prefix, no normal form. Only of a native app's loopback
// address may the port differ (RFC 8252 §7.3).
func (c *Client) redirects(uri string) bool {
	for _, registered := range c.RedirectURIs {
		if uri == registered || c.Native && loopback(uri) != "" && loopback(uri) == loopback(registered) {
			return true
		}
	}
	return false
}

// loopback is a URI of a loopback address without its port; "" for another one.
func loopback(uri string) string {
	for _, host := range []string{"http://127.0.0.1", "http://[::1]"} {
		rest, ok := strings.CutPrefix(uri, host)
		if !ok {
			continue
		}
		if port, ok := strings.CutPrefix(rest, ":"); ok {
			rest = strings.TrimLeft(port, "0123456789")
			if n := len(port) - len(rest); n == 0 || n > 5 {
				return ""
			}
		}
		if rest == "" || rest[0] == '/' || rest[0] == '?' {
			return host + rest
		}
	}
	return ""
}

// checkRedirect wants an https URL, one of this machine, or for a native app one
// of a private scheme (RFC 8252 §7.1). Plain http elsewhere is for a server that
// speaks plain http itself.
func checkRedirect(uri string, native, plain bool) error {
	u, err := url.Parse(uri)
	if err == nil && native && u.Host == "" && strings.Contains(u.Scheme, ".") && len(uri) <= longestURI && u.Fragment == "" && !strings.HasSuffix(uri, "#") {
		return nil
	}
	return checkURL(uri, plain)
}

// checkURL wants an absolute https URL without user and fragment, or http on a
// loopback address; plain allows http everywhere.
func checkURL(text string, plain bool) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || strings.Contains(text, "#"):
		return errors.New("not an absolute URL, or one with a user or a fragment")
	case len(text) > longestURI:
		return errors.New("too long")
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) || strings.ContainsAny(text, "\\\"<>`"):
		return errors.New("a URL has no blanks, controls or characters that must be escaped")
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && (plain || local(u.Hostname())):
		return nil
	}
	return errors.New("it must be https")
}

func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// originOf is the origin of a URL (RFC 6454 §4); "" of a private scheme.
func originOf(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	host := strings.ToLower(u.Host)
	if port := u.Port(); u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		host = strings.TrimSuffix(host, ":"+port)
	}
	return u.Scheme + "://" + host
}
