package script

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// check judges one answer; "" means that it is as expected.
type check func(r *response) string

// expectation is a check of every answer, or of all answers of a repeated
// request together.
type expectation struct {
	each check
	all  func(rs []*response) string
}

var (
	statusWord  = regexp.MustCompile(`^([1-5](?:\d\d|xx))(\|[1-5](?:\d\d|xx))*$`)
	statusCount = regexp.MustCompile(`^(.+)x(\d+)$`)
	bodyTest    = regexp.MustCompile(`^(\S.*?)\s+(!=|=|~)\s+(.*)$`)
)

// parseExpectation reads a line that begins with "expect".
func parseExpectation(text string) (expectation, error) {
	rest := strings.TrimSpace(strings.TrimPrefix(text, "expect"))
	word, args, _ := strings.Cut(rest, " ")
	args = strings.TrimSpace(args)
	each := func(c check, err error) (expectation, error) { return expectation{each: c}, err }
	if statusWord.MatchString(word) {
		if args != "" {
			return expectation{}, fmt.Errorf("expect %s stands alone on its line", word)
		}
		return each(checkStatus(word), nil)
	}
	switch word {
	case "one", "statuses":
		all, err := expectCounts(word, strings.Fields(args))
		return expectation{all: all}, err
	case "header":
		return each(expectHeader(args))
	case "no":
		what, name, _ := strings.Cut(args, " ")
		if what == "body" && name == "" {
			return each(checkNoBody, nil)
		}
		if what != "header" || name == "" || strings.Contains(name, " ") {
			return expectation{}, errors.New("expect no header NAME, or expect no body")
		}
		return each(checkNoHeader(name), nil)
	case "body":
		return each(expectBody(args))
	case "text":
		return each(expectText(args))
	case "count":
		return each(expectCount(args))
	case "json":
		return each(expectJSON(args))
	case "ids":
		return each(checkIDs("match", true, strings.Fields(args)), nil)
	case "included":
		return each(checkIDs("include", false, strings.Fields(args)), nil)
	case "total":
		n, err := strconv.Atoi(args)
		if err != nil {
			return expectation{}, errors.New("expect total takes a number")
		}
		return each(expectBody("total = " + strconv.Itoa(n)))
	case "issue":
		code, says, _ := strings.Cut(args, " ")
		if code == "" {
			return expectation{}, errors.New("expect issue takes an issue code")
		}
		return each(checkIssue(code, strings.TrimSpace(says)), nil)
	}
	return expectation{}, fmt.Errorf("expect %q is not known: a status such as 201, one, statuses, header, no header, no body, body, text, count, json, ids, included, total or issue", word)
}

// statusIs says whether a status is one of 201, 2xx, 409|412.
func statusIs(status int, words string) bool {
	have := strconv.Itoa(status)
	for _, want := range strings.Split(words, "|") {
		if have == want || strings.HasSuffix(want, "xx") && have[0] == want[0] {
			return true
		}
	}
	return false
}

func expectCounts(word string, args []string) (func([]*response) string, error) {
	if word == "one" {
		if len(args) != 1 || !statusWord.MatchString(args[0]) {
			return nil, errors.New("expect one takes a status")
		}
		return func(rs []*response) string {
			n := 0
			for _, r := range rs {
				if statusIs(r.status, args[0]) {
					n++
				}
			}
			if n == 1 {
				return ""
			}
			return fmt.Sprintf("%d answers have it; the statuses are %s", n, tally(rs))
		}, nil
	}
	type wanted struct {
		words string
		n     int
	}
	var want []wanted
	for _, arg := range args {
		m := statusCount.FindStringSubmatch(arg)
		if m == nil || !statusWord.MatchString(m[1]) {
			return nil, errors.New("expect statuses takes counts such as 201x1 409|412x7")
		}
		n, err := strconv.Atoi(m[2])
		if err != nil {
			return nil, err
		}
		want = append(want, wanted{m[1], n})
	}
	if len(want) == 0 {
		return nil, errors.New("expect statuses takes counts such as 201x1 409|412x7")
	}
	return func(rs []*response) string {
		got := make([]int, len(want))
	next:
		for _, r := range rs {
			for i, w := range want {
				if statusIs(r.status, w.words) {
					got[i]++
					continue next
				}
			}
			return "the statuses are " + tally(rs)
		}
		for i, w := range want {
			if got[i] != w.n {
				return "the statuses are " + tally(rs)
			}
		}
		return ""
	}, nil
}

func expectHeader(args string) (check, error) {
	name, want, _ := strings.Cut(args, " ")
	want = strings.TrimSpace(want)
	if name == "" {
		return nil, errors.New("expect header takes a name and a value")
	}
	if pattern, ok := strings.CutPrefix(want, "~ "); ok {
		re, err := regexp.Compile(strings.TrimSpace(pattern))
		if err != nil {
			return nil, err
		}
		return checkHeader(name, "does not match", re.MatchString), nil
	}
	if want == "" {
		return checkHeader(name, "", func(string) bool { return true }), nil
	}
	return checkHeader(name, "is not as expected", func(got string) bool { return got == want }), nil
}

func expectText(args string) (check, error) {
	op, want, ok := strings.Cut(args, " ")
	want = strings.TrimSpace(want)
	switch {
	case ok && op == "=":
		return func(r *response) string {
			if strings.TrimSpace(string(r.body)) == want {
				return ""
			}
			return "the body is another text"
		}, nil
	case ok && op == "~":
		re, err := regexp.Compile(want)
		if err != nil {
			return nil, err
		}
		return func(r *response) string {
			if re.Match(r.body) {
				return ""
			}
			return "the body does not match"
		}, nil
	}
	return nil, errors.New("expect text takes = or ~ and a value")
}

func expectBody(args string) (check, error) {
	if path, ok := strings.CutSuffix(args, " absent"); ok {
		return bodyCheck(path, func(got any, ok bool) string {
			if ok {
				return "it is " + show(got)
			}
			return ""
		})
	}
	if path, ok := strings.CutSuffix(args, " present"); ok {
		return bodyCheck(path, func(_ any, ok bool) string {
			if !ok {
				return "it is absent"
			}
			return ""
		})
	}
	m := bodyTest.FindStringSubmatch(args)
	if m == nil {
		return nil, errors.New("expect body takes a path and = value, != value, ~ regex, absent or present")
	}
	path, op, word := m[1], m[2], strings.TrimSpace(m[3])
	if op == "~" {
		re, err := regexp.Compile(word)
		if err != nil {
			return nil, err
		}
		return bodyCheck(path, func(got any, ok bool) string {
			switch {
			case !ok:
				return "it is absent"
			case !re.MatchString(text(got)):
				return "it is " + show(got)
			}
			return ""
		})
	}
	if word == "" {
		return nil, fmt.Errorf("expect body: a value is missing after %s", op)
	}
	want := literal(word)
	return bodyCheck(path, func(got any, ok bool) string {
		switch {
		case op == "!=" && ok && equal(got, want):
			return "it is just that"
		case op == "!=":
			return ""
		case !ok:
			return "it is absent"
		case equal(got, want):
			return ""
		case got == word:
			return fmt.Sprintf("it is the string %s; quote it in the script", show(got))
		}
		return "it is " + show(got)
	})
}

// bodyCheck looks a path up in the body and has the rest judged.
func bodyCheck(path string, judge func(got any, ok bool) string) (check, error) {
	hops, err := parsePath(strings.TrimSpace(path))
	if err != nil {
		return nil, err
	}
	return func(r *response) string {
		v, err := r.json()
		if err != nil {
			return err.Error()
		}
		got, ok := lookup(v, hops)
		return judge(got, ok)
	}, nil
}

func expectCount(args string) (check, error) {
	path, number, ok := cutLast(args)
	n, err := strconv.Atoi(number)
	if !ok || err != nil {
		return nil, errors.New("expect count takes a path and a number")
	}
	return bodyCheck(path, func(got any, ok bool) string {
		array, isArray := got.([]any)
		switch {
		case ok && !isArray:
			return "it is not an array but " + show(got)
		case len(array) != n:
			return fmt.Sprintf("there are %d", len(array))
		}
		return ""
	})
}

func cutLast(s string) (before, last string, ok bool) {
	i := strings.LastIndexAny(s, " \t")
	if i < 0 {
		return s, "", false
	}
	return strings.TrimSpace(s[:i]), s[i+1:], true
}

func expectJSON(args string) (check, error) {
	want, err := decode([]byte(args))
	if err != nil {
		return nil, fmt.Errorf("expect json: %w", err)
	}
	return func(r *response) string {
		got, err := r.json()
		if err != nil {
			return err.Error()
		}
		return missing(want, got, "")
	}, nil
}
