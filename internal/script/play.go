package script

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

// A request that gets no answer in this time is a failure.
const patience = 60 * time.Second

// How much of a body a failure shows.
const excerpt = 2000

// player plays steps; variables and default headers last from step to step.
type player struct {
	base     string
	dir      string
	client   *http.Client
	vars     map[string]string
	defaults http.Header
}

func newPlayer(base, dir string) *player {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableCompression = true // what the server sends is what is judged
	transport.MaxIdleConnsPerHost = 64
	return &player{
		base: base,
		dir:  dir,
		client: &http.Client{
			Transport:     transport,
			Timeout:       patience,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		vars:     map[string]string{"base": base},
		defaults: http.Header{},
	}
}

// play plays the steps in order and stops after the first request with a
// failing expectation: what follows builds on it.
func (p *player) play(t testing.TB, steps []*step) {
	t.Helper()
	for _, s := range steps {
		problems := p.step(s)
		for deadline := time.Now().Add(s.within); len(problems) > 0 && time.Now().Before(deadline); {
			time.Sleep(25 * time.Millisecond)
			problems = p.step(s)
		}
		if len(problems) > 0 {
			t.Fatalf("\n%s", strings.Join(problems, "\n"))
			return
		}
	}
}

// step plays one step and says what is wrong.
func (p *player) step(s *step) []string {
	if s.method == "" {
		return p.settings(s)
	}
	answers, err := p.send(s)
	if err != nil {
		return []string{fmt.Sprintf("%v: %s %s: %v", s.at, s.method, s.path, err)}
	}
	j := &judge{player: p, answers: answers}
	if s.load != nil {
		j.each(s.at, "expect 200|201", checkStatus("200|201"))
	}
	for _, l := range s.lines {
		j.line(l)
	}
	if len(j.problems) > 0 && j.shown != nil {
		j.problems = append(j.problems, j.shown.String())
	}
	return j.problems
}

// settings plays a step without a request: default headers and text variables.
func (p *player) settings(s *step) []string {
	for _, h := range s.headers {
		value, err := p.subst(h.value)
		if err != nil {
			return []string{fmt.Sprintf("%v: %v", s.at, err)}
		}
		p.defaults.Del(h.name)
		if value != "" {
			p.defaults.Set(h.name, value)
		}
	}
	j := &judge{player: p}
	for _, l := range s.lines {
		j.line(l)
	}
	return j.problems
}

// judge holds the answers of one step against its lines.
type judge struct {
	player   *player
	answers  []*response
	shown    *response // the answer that a failure shows: the first that failed
	problems []string
}

func (j *judge) line(l line) {
	text, err := j.player.subst(l.text)
	if err == nil && strings.HasPrefix(text, "let ") {
		if len(j.problems) == 0 {
			err = j.let(l.text)
		}
	} else if err == nil {
		err = j.expect(l.at, text)
	}
	if err != nil {
		j.fail(l.at, l.text, err.Error(), j.last())
	}
}

func (j *judge) last() *response {
	if len(j.answers) == 0 {
		return nil
	}
	return j.answers[len(j.answers)-1]
}

func (j *judge) fail(at position, text, fault string, r *response) {
	j.problems = append(j.problems, fmt.Sprintf("%v: %s: %s", at, text, fault))
	if j.shown == nil {
		j.shown = r
	}
}

func (j *judge) expect(at position, text string) error {
	e, err := parseExpectation(text)
	if err != nil {
		return err
	}
	if e.all != nil {
		if fault := e.all(j.answers); fault != "" {
			j.fail(at, text, fault, j.last())
		}
		return nil
	}
	j.each(at, text, e.each)
	return nil
}

// each has every answer judged and keeps the first fault.
func (j *judge) each(at position, text string, judged check) {
	for i, r := range j.answers {
		if fault := judged(r); fault != "" {
			if len(j.answers) > 1 {
				fault = fmt.Sprintf("answer %d: %s", i+1, fault)
			}
			j.fail(at, text, fault, r)
			return
		}
	}
}

// send sends the request of a step as often as it says; the answers stand in
// the order of the requests.
func (p *player) send(s *step) ([]*response, error) {
	answers := make([]*response, s.times)
	requests := make([]*request, s.times)
	for i := range requests {
		vars := map[string]string{"n": strconv.Itoa(i + 1)}
		for name, value := range p.vars {
			vars[name] = value
		}
		var err error
		if requests[i], err = p.request(s, vars); err != nil {
			return nil, err
		}
	}
	if !s.parallel {
		for i, r := range requests {
			var err error
			if answers[i], err = p.do(r); err != nil {
				return nil, err
			}
		}
		return answers, nil
	}
	errs := make([]error, s.times)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i, r := range requests {
		all.Go(func() {
			<-start
			answers[i], errs[i] = p.do(r)
		})
	}
	close(start)
	all.Wait()
	return answers, errors.Join(errs...)
}

// request is all of a request with the variables put in.
type request struct {
	method, url string
	header      http.Header
	body        []byte
	hasBody     bool
}

func (p *player) request(s *step, vars map[string]string) (*request, error) {
	subst := func(text string) (string, error) { return substitute(text, vars) }
	path, err := subst(s.path)
	if err != nil {
		return nil, err
	}
	r := &request{method: s.method, url: path, header: p.defaults.Clone()}
	if !strings.Contains(strings.SplitN(path, "?", 2)[0], "://") {
		r.url = p.base + "/" + strings.TrimPrefix(path, "/")
	}
	if r.body, r.hasBody, err = p.content(s, subst); err != nil {
		return nil, err
	}
	if r.hasBody {
		r.header.Set("Content-Type", contentType(s, r.body))
	}
	said := map[string]bool{}
	for _, h := range s.headers {
		value, err := subst(h.value)
		if err != nil {
			return nil, err
		}
		key := http.CanonicalHeaderKey(h.name)
		if !said[key] {
			r.header.Del(key) // the first line of a name replaces the default
			said[key] = true
		}
		if value != "" {
			r.header.Add(key, value)
		}
	}
	return r, nil
}

func (p *player) content(s *step, subst func(string) (string, error)) ([]byte, bool, error) {
	if s.load != nil {
		data, err := s.load.build(subst)
		return data, true, err
	}
	if s.body == nil {
		return nil, false, nil
	}
	text, err := subst(s.body.text)
	if err != nil {
		return nil, false, err
	}
	switch s.body.kind {
	case bodyHex:
		data, err := unhex(text)
		return data, true, err
	case bodyFile:
		data, err := os.ReadFile(filepath.Join(p.dir, filepath.FromSlash(text)))
		return data, true, err
	default:
		return []byte(text), true, nil
	}
}

// contentType is what a body is sent as when the script does not say.
func contentType(s *step, data []byte) string {
	text := bytes.TrimSpace(data)
	switch {
	case s.body != nil && s.body.kind == bodyHex:
		return "application/octet-stream"
	case s.method == http.MethodPatch && bytes.HasPrefix(text, []byte("[")):
		return "application/json-patch+json"
	case bytes.HasPrefix(text, []byte("{")), bytes.HasPrefix(text, []byte("[")):
		return "application/fhir+json"
	case bytes.HasPrefix(text, []byte("<")):
		return "application/fhir+xml"
	case !utf8.Valid(data):
		return "application/octet-stream"
	}
	return "text/plain; charset=utf-8"
}

func (p *player) do(r *request) (*response, error) {
	var body io.Reader
	if r.hasBody {
		body = bytes.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(context.Background(), r.method, r.url, body)
	if err != nil {
		return nil, err
	}
	req.Header = r.header
	if host := r.header.Get("Host"); host != "" {
		req.Host = host
	}
	answer, err := p.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, fmt.Errorf("the answer (%s) breaks off: %w", answer.Status, err)
	}
	return &response{method: r.method, sent: r.String(), status: answer.StatusCode, header: answer.Header, body: data}, nil
}

func (r *request) String() string {
	return fmt.Sprintf("  request:  %s %s\n%s%s", r.method, r.url, headerText(r.header), bodyExcerpt(r.body))
}

func (r *response) String() string {
	return fmt.Sprintf("%s  response: %d %s\n%s%s", r.sent, r.status, http.StatusText(r.status), headerText(r.header), bodyExcerpt(r.body))
}

func headerText(h http.Header) string {
	var lines []string
	for name, values := range h {
		for _, v := range values {
			if name == "Authorization" {
				v = "(withheld)"
			}
			lines = append(lines, fmt.Sprintf("    %s: %s\n", name, v))
		}
	}
	sort.Strings(lines)
	return strings.Join(lines, "")
}

func bodyExcerpt(body []byte) string {
	if len(body) == 0 {
		return ""
	}
	cut := ""
	if len(body) > excerpt {
		cut = fmt.Sprintf("... (%d bytes in all)", len(body))
		body = body[:excerpt]
	}
	shown := strings.ToValidUTF8(string(body), "\ufffd")
	if strings.ContainsFunc(shown, func(c rune) bool { return c < ' ' && c != '\n' && c != '\r' && c != '\t' }) {
		shown = fmt.Sprintf("hex: % x", body)
	}
	return "    " + strings.ReplaceAll(strings.TrimRight(shown, "\n"), "\n", "\n    ") + cut + "\n"
}
