package script

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// section is a run of steps under one name; the one before the first "section"
// line has no name.
type section struct {
	name  string
	steps []*step
}

// position is where a line stands, for messages.
type position struct {
	file string
	line int
}

func (p position) String() string { return fmt.Sprintf("%s:%d", p.file, p.line) }

// step is one request with all that hangs on it, or a lone let or with.
type step struct {
	at       position
	method   string // "" for a step without a request
	path     string
	headers  []field
	body     *body
	load     *load
	times    int // how often the request is sent; 1 when nothing is said
	parallel bool
	within   time.Duration
	lines    []line // expectations and lets, in order
}

// line is one expectation or let, kept as text until its variables are known.
type line struct {
	at   position
	text string
}

type field struct{ name, value string }

// body is what a request carries.
type body struct {
	kind bodyKind
	text string
}

type bodyKind uint8

const (
	bodyText bodyKind = iota
	bodyHex
	bodyFile
)

var (
	requestLine = regexp.MustCompile(`^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)\s+(.*)$`)
	headerLine  = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9-]*):(.*)$`)
	heredocLine = regexp.MustCompile(`^<<([A-Za-z]+)$`)
	strayLine   = regexp.MustCompile(`^(expect|let|with|load|section|repeat|parallel|within|GET|HEAD|POST|PUT|PATCH|DELETE)\b`)
	letLine     = regexp.MustCompile(`^let\s+([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)$`)
)

// parser reads a script line by line; cur is the step being built.
type parser struct {
	file     string
	lines    []string
	n        int // lines read so far, so the number of the current line
	sections []*section
	cur      *step
	next     *step // carries repeat, parallel and within to the coming request
}

func parse(file, text string) ([]*section, error) {
	text = strings.TrimPrefix(strings.ReplaceAll(text, "\r\n", "\n"), "\ufeff")
	p := &parser{file: file, lines: strings.Split(text, "\n"), sections: []*section{{}}}
	for p.n < len(p.lines) {
		raw := p.lines[p.n]
		p.n++
		if err := p.line(raw); err != nil {
			return nil, err
		}
	}
	if p.next != nil {
		return nil, fmt.Errorf("%v: no request follows", p.next.at)
	}
	if len(p.sections[0].steps) == 0 {
		p.sections = p.sections[1:]
	}
	if len(p.sections) == 0 {
		return nil, fmt.Errorf("%s:1: nothing to play", file)
	}
	return p.sections, nil
}

func (p *parser) errorf(format string, args ...any) error {
	return fmt.Errorf("%v: %s", p.at(), fmt.Sprintf(format, args...))
}

func (p *parser) at() position { return position{p.file, p.n} }

func (p *parser) line(raw string) error {
	text := strings.TrimSpace(raw)
	switch {
	case text == "" || strings.HasPrefix(raw, "#"):
		return nil
	case raw[0] == ' ' || raw[0] == '\t':
		return p.indented()
	case heredocLine.MatchString(text):
		return p.heredoc(heredocLine.FindStringSubmatch(text)[1])
	}
	if m := requestLine.FindStringSubmatch(text); m != nil {
		return p.request(m[1], strings.TrimSpace(m[2]))
	}
	word, rest, _ := strings.Cut(text, " ")
	rest = strings.TrimSpace(rest)
	switch word {
	case "section":
		return p.section(rest)
	case "load":
		return p.loadLine(rest)
	case "repeat", "parallel", "within":
		return p.modifier(word, rest)
	case "with":
		return p.with(rest)
	case "let":
		return p.let(text)
	case "expect":
		return p.expect(text)
	}
	if m := headerLine.FindStringSubmatch(text); m != nil {
		if p.cur == nil || p.cur.method == "" || p.cur.body != nil || len(p.cur.lines) > 0 {
			return p.errorf("header %s: stands right after a request line", m[1])
		}
		p.cur.headers = append(p.cur.headers, field{m[1], strings.TrimSpace(m[2])})
		return nil
	}
	return p.errorf("%q is not a request, a header, a body (indent it), expect, let, with, load, section, repeat, parallel or within", word)
}

func (p *parser) section(name string) error {
	if name == "" {
		return p.errorf("a section has a name")
	}
	for _, s := range p.sections {
		if s.name == name {
			return p.errorf("section %q is there already", name)
		}
	}
	if p.next != nil {
		return p.errorf("repeat, parallel and within stand before a request")
	}
	p.sections = append(p.sections, &section{name: name})
	p.cur = nil
	return nil
}

// add makes s the current step, with what repeat, parallel and within said.
func (p *parser) add(s *step) {
	s.at, s.times = p.at(), 1
	if p.next != nil {
		s.times, s.parallel, s.within = p.next.times, p.next.parallel, p.next.within
		p.next = nil
	}
	last := p.sections[len(p.sections)-1]
	last.steps = append(last.steps, s)
	p.cur = s
}

func (p *parser) request(method, path string) error {
	if path == "" {
		return p.errorf("%s needs a path; the base itself is /", method)
	}
	if strings.ContainsAny(path, " \t") {
		return p.errorf("a path has no blanks (write %%20); headers and expectations have lines of their own")
	}
	p.add(&step{method: method, path: path})
	return nil
}

func (p *parser) modifier(word, rest string) error {
	if p.next == nil {
		p.next = &step{at: p.at(), times: 1}
	}
	if word == "within" {
		d, err := time.ParseDuration(rest)
		if err != nil || d <= 0 {
			return p.errorf("within takes a time such as 5s")
		}
		p.next.within = d
	} else {
		n, err := strconv.Atoi(rest)
		if err != nil || n < 1 || n > 10000 {
			return p.errorf("%s takes a number from 1 to 10000", word)
		}
		if p.next.times != 1 || p.next.parallel {
			return p.errorf("one repeat or parallel for a request")
		}
		p.next.times, p.next.parallel = n, word == "parallel"
	}
	if p.next.within > 0 && p.next.times > 1 {
		return p.errorf("within does not go with repeat or parallel")
	}
	return nil
}

func (p *parser) with(rest string) error {
	m := headerLine.FindStringSubmatch(rest)
	if m == nil {
		return p.errorf("with takes a header: with Name: value")
	}
	if p.next != nil {
		return p.errorf("repeat, parallel and within stand before a request")
	}
	p.add(&step{headers: []field{{m[1], strings.TrimSpace(m[2])}}})
	p.cur = nil
	return nil
}

func (p *parser) let(text string) error {
	m := letLine.FindStringSubmatch(text)
	if m == nil {
		return p.errorf("let takes a name and a source: let id = body id")
	}
	from, err := parseSource(m[2])
	if err != nil {
		return p.errorf("%v", err)
	}
	if from.kind == fromText && p.cur == nil {
		if p.next != nil {
			return p.errorf("repeat, parallel and within stand before a request")
		}
		p.add(&step{})
	}
	return p.attach(text)
}

func (p *parser) expect(text string) error {
	if text == "expect json" {
		block, err := p.block("expect json")
		if err != nil {
			return err
		}
		text += " " + strings.ReplaceAll(block, "\n", " ")
	}
	if !strings.Contains(text, "${") {
		if _, err := parseExpectation(text); err != nil {
			return p.errorf("%v", err)
		}
	}
	if p.cur != nil && p.cur.method == "" {
		return p.errorf("expect stands after a request")
	}
	return p.attach(text)
}

func (p *parser) attach(text string) error {
	if p.cur == nil {
		return p.errorf("%s stands after a request", strings.Fields(text)[0])
	}
	p.cur.lines = append(p.cur.lines, line{p.at(), text})
	return nil
}

// indented reads the indented block that starts at the current line as a body.
func (p *parser) indented() error {
	p.n--
	at := p.n + 1
	text, err := p.block("a body")
	if err != nil {
		return err
	}
	if m := strayLine.FindString(text); m != "" {
		return fmt.Errorf("%v: %s begins at the start of a line; what is indented is a body", position{p.file, at}, m)
	}
	b := &body{text: text}
	word, rest, _ := strings.Cut(text, ":")
	switch word {
	case "hex":
		b.kind, b.text = bodyHex, rest
		if !strings.Contains(rest, "${") {
			if _, err := unhex(rest); err != nil {
				return fmt.Errorf("%v: %w", position{p.file, at}, err)
			}
		}
	case "file":
		b.kind, b.text = bodyFile, strings.TrimSpace(rest)
	}
	return p.setBody(b, at)
}

// block reads the coming indented lines and takes their common indent away.
func (p *parser) block(what string) (string, error) {
	start := p.n
	indent := ""
	var out []string
	for ; p.n < len(p.lines); p.n++ {
		raw := p.lines[p.n]
		trimmed := strings.TrimLeft(raw, " \t")
		if trimmed == raw && raw != "" {
			break
		}
		if trimmed == "" {
			out = append(out, "")
			continue
		}
		lead := raw[:len(raw)-len(trimmed)]
		if indent == "" {
			indent = lead
		}
		if !strings.HasPrefix(raw, indent) {
			p.n++
			return "", p.errorf("this line is indented less than the first of %s", what)
		}
		out = append(out, strings.TrimPrefix(raw, indent))
	}
	if indent == "" {
		p.n = start
		return "", p.errorf("%s is an indented block", what)
	}
	return strings.TrimRight(strings.Join(out, "\n"), "\n"), nil
}

func (p *parser) heredoc(end string) error {
	at := p.n
	start := p.n
	for ; p.n < len(p.lines); p.n++ {
		if p.lines[p.n] == end {
			text := strings.Join(p.lines[start:p.n], "\n")
			p.n++
			return p.setBody(&body{text: text}, at)
		}
	}
	return fmt.Errorf("%v: no line %s ends this body", position{p.file, at}, end)
}

func (p *parser) setBody(b *body, at int) error {
	if p.cur == nil || p.cur.method == "" || p.cur.load != nil || p.cur.body != nil || len(p.cur.lines) > 0 {
		return fmt.Errorf("%v: a body stands after a request line and its headers, once", position{p.file, at})
	}
	p.cur.body = b
	return nil
}

func unhex(text string) ([]byte, error) {
	data, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return nil, fmt.Errorf("hex body: %w", err)
	}
	return data, nil
}
