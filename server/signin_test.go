package server_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"vitalwire/server"
)

// visitor is a browser without script: it keeps cookies and sends forms.
type visitor struct {
	t      *testing.T
	client *http.Client
}

func newVisitor(t *testing.T) visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return visitor{t, &http.Client{Jar: jar}}
}

// visit loads a page, following redirects; a form is sent with the token of the page
// before.
func (v visitor) visit(page string, form url.Values) (int, http.Header, string) {
	v.t.Helper()
	if form == nil {
		return v.answer(v.client.Get(page))
	}
	_, _, before := v.visit(page, nil)
	if token := regexp.MustCompile(`name="form_token" value="([^"]+)"`).FindStringSubmatch(before); token != nil {
		form.Set("form_token", token[1])
	}
	return v.answer(v.client.PostForm(strings.SplitN(page, "?", 2)[0], form))
}

// answer reads an answer.
func (v visitor) answer(response *http.Response, err error) (int, http.Header, string) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(body)
}

func (v visitor) signIn(s *server.Server, name, password string) (int, http.Header, string) {
	v.t.Helper()
	return v.visit(s.Base+"/auth/login?next=account", url.Values{"name": {name}, "password": {password}, "next": {"account"}})
}

// People sign in over HTTP, on both stores; servers of one database agree on
// sessions and on lockouts.
func TestPeople_OverHTTP(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			store := open(t)
			servers := []*server.Server{start(t, store, required)}
			if name == "postgres" { // an embedded store is that of one server
				servers = append(servers, start(t, store, required))
			}
			one, other := servers[0], servers[len(servers)-1]
			password := command(t, store, "user", "add", "ada", "--role", "admin", "--display", "Ada")
			v := newVisitor(t)
			if status, header, body := v.signIn(one, "ada", password); status != 200 || !strings.Contains(body, "Signed in as Ada") || header.Get("X-Frame-Options") != "DENY" || header.Get("Cache-Control") != "no-store" {
				t.Fatalf("%d %s %s", status, header, body)
			}
			// Cookies know no port, so that the browser brings the session to the other one.
			if status, _, body := v.visit(other.Base+"/auth/users", nil); status != 200 || !strings.Contains(body, "People who may sign in") {
				t.Errorf("the other server: %d %s", status, body)
			}
			if status, _, body := v.visit(other.Base+"/auth/person", url.Values{"do": {"add"}, "user": {"bob"}, "role": {"practitioner"}}); status != 200 || !strings.Contains(body, "not shown again") {
				t.Errorf("adding a user: %d %s", status, body)
			}
			command(t, store, "user", "disable", "ada")
			if status, _, body := v.visit(one.Base+"/auth/account", nil); status != 200 || !strings.Contains(body, "<h1>Sign in</h1>") {
				t.Errorf("a disabled user: %d %s", status, body)
			}
			// A session is no access token, and a token opens no page.
			if status, _, _ := v.visit(one.Base+"/Patient", nil); status != 401 {
				t.Errorf("a session reads: %d", status)
			}
			for i := range 5 {
				if status, _, _ := newVisitor(t).signIn(servers[i%len(servers)], "bob", "not the password"); status != 401 {
					t.Fatalf("failure %d: %d", i, status)
				}
			}
			for _, s := range servers {
				status, header, _ := newVisitor(t).signIn(s, "bob", "not the password")
				if status != 429 || header.Get("Retry-After") == "" {
					t.Errorf("not locked out: %d %s", status, header)
				}
			}
		})
	}
}

// E.3 Parsers/DoS: a body is read after the token is known to be good, so that a
// stranger is answered before he has sent it.
func TestSecurity_BodyAfterAuthentication(t *testing.T) {
	s := start(t, stores["sqlite"](t), required)
	for _, request := range []string{
		"POST /fhir/Observation", "POST /fhir", "PUT /fhir/Observation/1", "POST /fhir/Observation/_search", "POST /fhir/$graphql", "PATCH /fhir/Observation/1",
		"POST /ingest/blegatt", "POST /ingest/associations", "POST /admin/packages", "POST /admin/clients", "POST /admin/users",
	} {
		for _, header := range []string{"", "Authorization: Bearer " + strings.Repeat("A", 43) + "\r\n", "Content-Encoding: gzip\r\n"} {
			c, err := net.Dial("tcp", s.Addr)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(c, "%s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n%sContent-Length: 1000000\r\n\r\n{", request, s.Addr, header)
			answer := make([]byte, 12)
			if _, err := io.ReadFull(c, answer); err != nil || string(answer) != "HTTP/1.1 401" {
				t.Errorf("%s %s: %q %v", request, header, answer, err)
			}
			c.Close()
		}
	}
}
