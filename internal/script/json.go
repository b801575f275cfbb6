package script

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// decode reads one JSON value; numbers stay text (json.Number).
func decode(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more follows the JSON value")
	}
	return v, nil
}

// literal is what a script writes for a value: JSON, or else a bare string.
func literal(text string) any {
	if v, err := decode([]byte(text)); err == nil {
		return v
	}
	return text
}

// show prints a value as JSON on one line.
func show(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// text is a value as a variable holds it: strings without quotes, else JSON.
func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return show(v)
}

// equal compares by JSON: names in any order, numbers digit by digit.
func equal(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for name, v := range a {
			w, ok := b[name]
			if !ok || !equal(v, w) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !equal(a[i], b[i]) {
				return false
			}
		}
		return true
	default:
		switch b.(type) {
		case map[string]any, []any:
			return false
		}
		return a == b
	}
}

// more, as the last element of a wanted array, lets other elements follow.
const more = "..."

// missing says where got lacks something of want; "" when it lacks nothing.
func missing(want, got any, path string) string {
	switch want := want.(type) {
	case map[string]any:
		got, ok := got.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s is not an object", named(path))
		}
		for _, name := range slices.Sorted(maps.Keys(want)) {
			g, ok := got[name]
			if !ok {
				return fmt.Sprintf("%s is absent", join(path, name))
			}
			if m := missing(want[name], g, join(path, name)); m != "" {
				return m
			}
		}
		return ""
	case []any:
		got, ok := got.([]any)
		if !ok {
			return fmt.Sprintf("%s is not an array", named(path))
		}
		open := len(want) > 0 && want[len(want)-1] == more
		if open {
			want = want[:len(want)-1]
		}
		if len(got) < len(want) || len(got) > len(want) && !open {
			return fmt.Sprintf("%s has %d elements, not %d", named(path), len(got), len(want))
		}
		for i := range want {
			if m := missing(want[i], got[i], fmt.Sprintf("%s[%d]", path, i)); m != "" {
				return m
			}
		}
		return ""
	default:
		if equal(want, got) {
			return ""
		}
		return fmt.Sprintf("%s is %s, not %s", named(path), show(got), show(want))
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func named(path string) string {
	if path == "" {
		return "the body"
	}
	return path
}

// hop is one part of a path: a name, an index, or the first element for which
// a path inside it has a value.
type hop struct {
	name   string
	index  int
	filter []hop
	value  any
}

// parsePath reads a path such as entry[0].resource.code or issue[code=invalid].details.
func parsePath(path string) ([]hop, error) {
	var hops []hop
	rest := path
	for first := true; rest != ""; first = false {
		if rest[0] == '[' {
			inner, after, err := brackets(rest)
			if err != nil {
				return nil, fmt.Errorf("path %s: %w", path, err)
			}
			h, err := bracketHop(inner)
			if err != nil {
				return nil, fmt.Errorf("path %s: %w", path, err)
			}
			hops, rest = append(hops, h), after
			continue
		}
		if !first {
			if rest[0] != '.' {
				return nil, fmt.Errorf("path %s: a dot is missing before %s", path, rest)
			}
			rest = rest[1:]
		}
		end := strings.IndexAny(rest, ".[")
		if end < 0 {
			end = len(rest)
		}
		if end == 0 {
			return nil, fmt.Errorf("path %s: a name is missing", path)
		}
		hops, rest = append(hops, hop{name: rest[:end]}), rest[end:]
	}
	if len(hops) == 0 {
		return nil, errors.New("a path is missing")
	}
	return hops, nil
}

// brackets splits "[inner]after", where inner may hold brackets of its own.
func brackets(s string) (inner, after string, err error) {
	depth := 0
	for i, c := range s {
		switch c {
		case '[':
			depth++
		case ']':
			if depth--; depth == 0 {
				return s[1:i], s[i+1:], nil
			}
		}
	}
	return "", "", errors.New("a ] is missing")
}

func bracketHop(inner string) (hop, error) {
	if name, value, ok := strings.Cut(inner, "="); ok {
		// The first "=" outside inner brackets separates: code.coding[system=x].code=y.
		for depth := strings.Count(name, "[") - strings.Count(name, "]"); depth > 0; {
			part, rest, found := strings.Cut(value, "=")
			if !found {
				return hop{}, errors.New("= is missing in [path=value]")
			}
			name, value = name+"="+part, rest
			depth = strings.Count(name, "[") - strings.Count(name, "]")
		}
		filter, err := parsePath(name)
		return hop{filter: filter, value: literal(value)}, err
	}
	n, err := strconv.Atoi(inner)
	if err != nil || n < 0 {
		return hop{}, fmt.Errorf("[%s] is neither [n] nor [path=value]", inner)
	}
	return hop{index: n}, nil
}

// lookup follows a path; ok is false when nothing is there.
func lookup(v any, path []hop) (any, bool) {
	for _, h := range path {
		if h.name != "" {
			object, ok := v.(map[string]any)
			if !ok {
				return nil, false
			}
			if v, ok = object[h.name]; !ok {
				return nil, false
			}
			continue
		}
		array, ok := v.([]any)
		if !ok {
			return nil, false
		}
		i := h.index
		if h.filter != nil {
			i = find(array, h)
		}
		if i < 0 || i >= len(array) {
			return nil, false
		}
		v = array[i]
	}
	return v, true
}

func find(array []any, h hop) int {
	for i, element := range array {
		if got, ok := lookup(element, h.filter); ok && (equal(got, h.value) || text(got) == text(h.value)) {
			return i
		}
	}
	return -1
}
