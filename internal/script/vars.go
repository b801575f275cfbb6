package script

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

type sourceKind uint8

const (
	fromText sourceKind = iota
	fromHeader
	fromBody
)

// source is where a let takes its value from.
type source struct {
	kind  sourceKind
	where string
	re    *regexp.Regexp
}

// parseSource reads what follows "let name =".
func parseSource(text string) (source, error) {
	word, rest, _ := strings.Cut(text, " ")
	rest = strings.TrimSpace(rest)
	switch word {
	case "text":
		return source{kind: fromText, where: rest}, nil
	case "header", "body":
		where, pattern, matched := strings.Cut(rest, " ~ ")
		s := source{kind: fromBody, where: strings.TrimSpace(where)}
		if word == "header" {
			s.kind = fromHeader
		}
		if s.where == "" {
			return s, fmt.Errorf("let: what follows %s is missing", word)
		}
		if matched {
			re, err := regexp.Compile(strings.TrimSpace(pattern))
			if err != nil {
				return s, err
			}
			s.re = re
		}
		return s, nil
	}
	return source{}, errors.New("let takes text, header NAME or body PATH, and for the last two an optional ~ regex")
}

// let sets a variable from the last answer.
func (j *judge) let(raw string) error {
	m := letLine.FindStringSubmatch(raw)
	rest, err := j.player.subst(m[2])
	if err != nil {
		return err
	}
	from, err := parseSource(rest)
	if err != nil {
		return err
	}
	value, err := from.value(j.last())
	if err != nil {
		return err
	}
	j.player.vars[m[1]] = value
	return nil
}

func (s source) value(r *response) (string, error) {
	var value string
	switch s.kind {
	case fromText:
		value = s.where
	case fromHeader:
		values := r.header.Values(s.where)
		if len(values) == 0 {
			return "", errors.New("there is no such header")
		}
		value = strings.Join(values, ", ")
	case fromBody:
		hops, err := parsePath(s.where)
		if err != nil {
			return "", err
		}
		v, err := r.json()
		if err != nil {
			return "", err
		}
		got, ok := lookup(v, hops)
		if !ok {
			return "", errors.New("it is absent")
		}
		value = text(got)
	}
	if s.re == nil {
		return value, nil
	}
	found := s.re.FindStringSubmatch(value)
	if found == nil {
		return "", fmt.Errorf("%q does not match", value)
	}
	return found[len(found)-1], nil
}

var variable = regexp.MustCompile(`\$?\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// subst puts variables in; $${x} stands for ${x} itself.
func (p *player) subst(s string) (string, error) { return substitute(s, p.vars) }

func substitute(s string, vars map[string]string) (string, error) {
	var err error
	out := variable.ReplaceAllStringFunc(s, func(found string) string {
		if strings.HasPrefix(found, "$$") {
			return found[1:]
		}
		name := found[2 : len(found)-1]
		value, ok := vars[name]
		if !ok {
			err = fmt.Errorf("${%s} has no value here", name)
		}
		return value
	})
	return out, err
}
