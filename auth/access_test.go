package auth

import (
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"vitalwire/auth/page"
)

// accessible says what keeps people with a keyboard or a screen reader from using a
// page (WCAG 2.2 A and AA, as far as the text of a page tells), and what a page of
// ours has not.
func accessible(text string) []string {
	var faults []string
	fault := func(words ...string) { faults = append(faults, strings.Join(words, " ")) }
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		return []string{err.Error()}
	}
	var nodes []*html.Node
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			nodes = append(nodes, n)
		}
	}
	ids, labels, count := map[string]bool{}, map[string]string{}, map[string]int{}
	for _, n := range nodes {
		count[n.Data]++
		if id := attribute(n, "id"); id != "" {
			if ids[id] {
				fault("the id", id, "stands twice")
			}
			ids[id] = true
		}
		if n.Data == "label" {
			labels[attribute(n, "for")] = textOf(n)
		}
	}
	level := 0
	for _, n := range nodes {
		for _, a := range n.Attr {
			switch {
			case strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "target":
				fault(n.Data, "has the attribute", a.Key)
			case strings.HasPrefix(a.Key, "aria-") && (a.Key == "aria-describedby" || a.Key == "aria-labelledby"):
				if !ids[a.Val] {
					fault(a.Key, "names", a.Val, "which is not there")
				}
			case a.Key == "tabindex" && a.Val != "-1":
				fault("tabindex", a.Val)
			}
		}
		switch n.Data {
		case "html":
			if attribute(n, "lang") == "" {
				fault("there is no lang (3.1.1)")
			}
		case "script", "iframe", "object", "embed", "img", "link", "base", "svg", "font":
			fault("there is a", n.Data)
		case "h1", "h2", "h3", "h4":
			if at, _ := strconv.Atoi(n.Data[1:]); at > level+1 {
				fault("the heading", textOf(n), "skips a level (1.3.1)")
			} else {
				level = at
			}
			if textOf(n) == "" {
				fault("a heading is empty")
			}
		case "input", "select", "textarea":
			if attribute(n, "type") != "hidden" && labels[attribute(n, "id")] == "" {
				fault("the field", attribute(n, "name"), "has no label (3.3.2)")
			}
		case "button", "a", "title", "legend", "caption", "th":
			if textOf(n) == "" {
				fault(n.Data, "has no text (2.4.4, 4.1.2)")
			}
			if n.Data == "th" && attribute(n, "scope") == "" {
				fault("th", textOf(n), "has no scope (1.3.1)")
			}
		case "form":
			if attribute(n, "method") != "post" || !hasToken(n) {
				fault("a form is not posted with a token")
			}
		}
	}
	for _, one := range []string{"h1", "main", "title"} {
		if count[one] != 1 {
			fault("there is not one", one)
		}
	}
	if count["table"] != count["caption"] {
		fault("a table has no caption")
	}
	return faults
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func textOf(n *html.Node) string {
	var text strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			text.WriteString(d.Data)
		}
	}
	return strings.TrimSpace(text.String())
}

func hasToken(form *html.Node) bool {
	for d := range form.Descendants() {
		if attribute(d, "name") == tokenField && len(attribute(d, "value")) == 43 {
			return true
		}
	}
	return false
}

// WCAG 2.2: every page can be used with a keyboard and a screen reader. The pages of
// the flows of apps are checked where those are tested.
func TestPages_Accessible(t *testing.T) {
	p := people(t)
	stranger, b := p.browser(t), p.browser(t)
	pages := map[string]string{
		"login":         stranger.send("login", nil).Body.String(),
		"login refused": stranger.signIn("alice", "not the password").Body.String(),
	}
	b.signIn("root", goodPassword)
	for _, where := range []string{"account", "logout", "clients", "client", "users", "person", "client?id=none"} {
		pages[where] = b.send(where, nil).Body.String()
	}
	add := b.send("person", b.fill("person", "do", "add", "user", "bob", "role", "practitioner"))
	pages["user added"] = add.Body.String()
	pages["user refused"] = b.send("person", b.fill("person", "do", "add", "user", "bob", "role", "practitioner")).Body.String()
	pages["client added"] = b.send("client", b.fill("client", "do", "add", "client_id", "c", "scope", "system/*.rs", "proof", "secret")).Body.String()
	pages["client"] = b.send("client?id=c", nil).Body.String()
	for name, text := range pages {
		for _, fault := range accessible(text) {
			t.Errorf("%s: %s", name, fault)
		}
	}
	if faults := accessible(`<html><body><h3>x</h3><form action=x><input name=a><button></button></form><img src=x onerror=y>`); len(faults) < 7 {
		t.Errorf("the test finds too little: %q", faults)
	}
}

// WCAG 2.2 1.4.3 and 1.4.11: text and what shows the state of a field stand out, in
// the light and in the dark.
func TestPages_Contrast(t *testing.T) {
	schemes := regexp.MustCompile(`:root \{([^}]*)\}`).FindAllStringSubmatch(page.Style, -1)
	if len(schemes) != 2 {
		t.Fatalf("%d schemes", len(schemes))
	}
	for i, scheme := range schemes {
		colours := map[string]float64{}
		for _, m := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6})`).FindAllStringSubmatch(scheme[1], -1) {
			colours[m[1]] = luminance(t, m[2])
		}
		for _, pair := range []struct {
			ink, paper string
			least      float64
		}{
			{"ink", "paper", 7}, {"quiet", "paper", 4.5}, {"act", "paper", 4.5}, {"on-act", "act", 4.5}, {"paper", "fault", 4.5},
			{"fault", "wash", 4.5}, {"done", "wash", 4.5}, {"line", "paper", 3}, {"ink", "wash", 7}, {"fault", "paper", 4.5},
		} {
			light, dark := colours[pair.ink], colours[pair.paper]
			if light < dark {
				light, dark = dark, light
			}
			if got := (light + 0.05) / (dark + 0.05); got < pair.least {
				t.Errorf("scheme %d: %s on %s: %.2f to 1", i, pair.ink, pair.paper, got)
			}
		}
	}
	// Every colour is one of them, so that all are checked.
	for _, m := range regexp.MustCompile(`(?m)(?:color|background|border[a-z-]*|outline): ([^;]*)`).FindAllStringSubmatch(page.Style[strings.Index(page.Style, "* {"):], -1) {
		if strings.Contains(m[1], "#") || strings.Contains(m[1], "rgb") {
			t.Errorf("a colour beside the scheme: %s", m[0])
		}
	}
	if !strings.Contains(page.Style, ":focus-visible { outline: 3px solid") {
		t.Error("the focus is not shown (2.4.7)")
	}
}

// luminance is the relative luminance of WCAG 2.2.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

// Every page lies beside a handler or a flow that shows it, and can be made.
func TestPages_AllParse(t *testing.T) {
	names, err := page.Names()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"account", "client", "clients", "login", "logout", "person", "problem", "users"} {
		if !slices.Contains(names, name) {
			t.Errorf("there is no page %s", name)
		}
	}
	if got := page.Write(io.Discard, "none", nil); got == nil {
		t.Error("a page that is not there")
	}
}
