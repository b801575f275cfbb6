package script

import (
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strings"
)

// response is one answer, read to its end.
type response struct {
	method string
	sent   string // the request as a failure shows it
	status int
	header http.Header
	body   []byte

	parsed   any
	parseErr error
	tried    bool
}

// json is the body as JSON, parsed once.
func (r *response) json() (any, error) {
	if !r.tried {
		r.tried = true
		r.parsed, r.parseErr = decode(r.body)
		if r.parseErr != nil {
			r.parseErr = fmt.Errorf("the body is not JSON: %w", r.parseErr)
		}
	}
	return r.parsed, r.parseErr
}

func checkStatus(words string) check {
	return func(r *response) string {
		if statusIs(r.status, words) {
			return ""
		}
		return fmt.Sprintf("the status is %d", r.status)
	}
}

func checkHeader(name, fault string, good func(string) bool) check {
	return func(r *response) string {
		values := r.header.Values(name)
		if len(values) == 0 {
			return "there is no such header"
		}
		if got := strings.Join(values, ", "); !good(got) {
			return fmt.Sprintf("%q %s", got, fault)
		}
		return ""
	}
}

func checkNoHeader(name string) check {
	return func(r *response) string {
		if values := r.header.Values(name); len(values) > 0 {
			return fmt.Sprintf("it is %q", strings.Join(values, ", "))
		}
		return ""
	}
}

func checkNoBody(r *response) string {
	if len(r.body) > 0 {
		return fmt.Sprintf("there are %d bytes", len(r.body))
	}
	return ""
}

// tally writes statuses as a script would expect them: 201x1 412x7.
func tally(rs []*response) string {
	counts := map[int]int{}
	for _, r := range rs {
		counts[r.status]++
	}
	var out []string
	for status, n := range counts {
		out = append(out, fmt.Sprintf("%dx%d", status, n))
	}
	sort.Strings(out)
	return strings.Join(out, " ")
}

// entries gives the objects in Bundle.entry.
func (r *response) entries() ([]map[string]any, error) {
	v, err := r.json()
	if err != nil {
		return nil, err
	}
	bundle, ok := v.(map[string]any)
	if !ok || bundle["resourceType"] != "Bundle" {
		return nil, fmt.Errorf("the body is not a Bundle")
	}
	list, _ := bundle["entry"].([]any)
	var out []map[string]any
	for _, e := range list {
		if entry, ok := e.(map[string]any); ok {
			out = append(out, entry)
		}
	}
	return out, nil
}

// checkIDs compares the ids of entries with a search mode, in order or not. An
// entry that names no mode counts as a match. When any wanted id is written
// Type/id, types are compared too.
func checkIDs(mode string, ordered bool, want []string) check {
	return func(r *response) string {
		entries, err := r.entries()
		if err != nil {
			return err.Error()
		}
		typed := slices.ContainsFunc(want, func(w string) bool { return strings.Contains(w, "/") })
		var got []string
		for _, entry := range entries {
			if searchMode(entry) != mode {
				continue
			}
			key := entryKey(entry)
			if !typed {
				key = key[strings.LastIndex(key, "/")+1:]
			}
			got = append(got, key)
		}
		wanted := slices.Clone(want)
		if !ordered {
			sort.Strings(got)
			sort.Strings(wanted)
		}
		if slices.Equal(got, wanted) {
			return ""
		}
		return fmt.Sprintf("the ids are %s", orNone(got))
	}
}

func orNone(words []string) string {
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, " ")
}

func searchMode(entry map[string]any) string {
	search, _ := entry["search"].(map[string]any)
	if mode, ok := search["mode"].(string); ok {
		return mode
	}
	return "match"
}

// entryKey is Type/id of an entry's resource; an entry without one (a deleted
// version in a history) is named by its request or full URL.
func entryKey(entry map[string]any) string {
	if resource, ok := entry["resource"].(map[string]any); ok {
		kind, _ := resource["resourceType"].(string)
		id, _ := resource["id"].(string)
		return kind + "/" + id
	}
	url, _ := entry["fullUrl"].(string)
	if request, ok := entry["request"].(map[string]any); ok {
		if u, ok := request["url"].(string); ok && strings.Contains(u, "/") {
			url = u
		}
	}
	parts := strings.Split(url, "/")
	if len(parts) < 2 {
		return url
	}
	return strings.Join(parts[len(parts)-2:], "/")
}

// checkIssue wants an issue with a code, and a text in it, in the body or in
// any entry of a Bundle.
func checkIssue(code, says string) check {
	return func(r *response) string {
		v, err := r.json()
		if err != nil {
			return err.Error()
		}
		outcomes := []any{v}
		if entries, err := r.entries(); err == nil {
			for _, entry := range entries {
				outcomes = append(outcomes, entry["resource"])
				if answer, ok := entry["response"].(map[string]any); ok {
					outcomes = append(outcomes, answer["outcome"])
				}
			}
		}
		var seen []string
		for _, o := range outcomes {
			outcome, ok := o.(map[string]any)
			if !ok || outcome["resourceType"] != "OperationOutcome" {
				continue
			}
			issues, _ := outcome["issue"].([]any)
			for _, i := range issues {
				issue, ok := i.(map[string]any)
				if !ok {
					continue
				}
				if issue["code"] == code && strings.Contains(issueText(issue), says) {
					return ""
				}
				seen = append(seen, show(issue))
			}
		}
		return "the issues are " + orNone(seen)
	}
}

// issueText is what an issue tells a person.
func issueText(issue map[string]any) string {
	said, _ := issue["diagnostics"].(string)
	if details, ok := issue["details"].(map[string]any); ok {
		if t, ok := details["text"].(string); ok {
			said += "\n" + t
		}
	}
	return said
}
