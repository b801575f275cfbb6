package server_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// selection is a random query: fields, with those wanted of each.
type selection struct {
	name string
	args string
	// skip and take are _offset and _count of a list.
	skip, take int
	below      []selection
}

func (s selection) write(b *strings.Builder) {
	b.WriteString(s.name + s.args)
	if len(s.below) > 0 {
		b.WriteString(" {")
		for _, below := range s.below {
			b.WriteString(" ")
			below.write(b)
		}
		b.WriteString(" }")
	}
}

// fields picks fields of a resource or element, of references what they lead to, and
// of a patient the lists of what refers to it.
func (w *world) fields(r map[string]any, depth int) []selection {
	var list []selection
	for _, name := range sortedKeys(r) {
		if w.g.IntN(3) == 0 && len(list) > 0 {
			continue
		}
		s := selection{name: name, take: 1 << 30}
		value := r[name]
		if items, ok := value.([]any); ok {
			value = items[0]
			if w.g.IntN(3) == 0 {
				s.skip, s.take = w.g.IntN(2), w.g.IntN(3)
				s.args = fmt.Sprintf("(_offset: %d, _count: %d)", s.skip, s.take)
			}
		}
		if below, ok := value.(map[string]any); ok {
			s.below = w.fields(below, depth)
		}
		list = append(list, s)
	}
	if text, ok := r["reference"].(string); ok && depth > 0 {
		if target := w.all[text]; target != nil {
			list = append(list, selection{name: "resource", args: "(optional: true)", below: w.reached(target, depth-1)})
		}
	}
	if r["resourceType"] == "Patient" && depth > 0 {
		typ := []string{"Observation", "Condition", "Encounter"}[w.g.IntN(3)]
		list = append(list, selection{name: typ + "List", args: "(_reference: subject, _count: 1000)", below: w.fields(w.all[typ+"/"+strings.ToLower(typ[:3])+"0"], depth-1)})
	}
	return list
}

// reached selects fields that every type has, and those of one type by a fragment.
func (w *world) reached(target map[string]any, depth int) []selection {
	return []selection{{name: "id"}, {name: "... on " + target["resourceType"].(string), below: w.fields(target, depth)}}
}

// evaluate is the true answer.
func (w *world) evaluate(r map[string]any, list []selection) map[string]any {
	out := map[string]any{}
	for _, s := range list {
		typ, isFragment := strings.CutPrefix(s.name, "... on ")
		of, isList := strings.CutSuffix(s.name, "List")
		switch {
		case isFragment:
			if r["resourceType"] == typ {
				for key, value := range w.evaluate(r, s.below) {
					out[key] = value
				}
			}
		case s.name == "resource":
			if target := w.all[r["reference"].(string)]; target != nil {
				out[s.name] = w.evaluate(target, s.below)
			}
		case isList && r["resourceType"] == "Patient":
			found := []any{}
			keys := sortedKeys(w.all)
			slices.Reverse(keys)
			for _, key := range keys { // newest first: they were written in order
				if strings.HasPrefix(key, of+"/") && slices.Contains(refs(w.all[key], "subject"), "Patient/"+r["id"].(string)) {
					found = append(found, w.evaluate(w.all[key], s.below))
				}
			}
			out[s.name] = found
		default:
			if value := w.value(r[s.name], s); value != nil {
				out[s.name] = value
			}
		}
	}
	return out
}

func (w *world) value(value any, s selection) any {
	switch v := value.(type) {
	case map[string]any:
		return w.evaluate(v, s.below)
	case []any:
		v = v[min(s.skip, len(v)):]
		var items []any
		for _, item := range v[:min(s.take, len(v))] {
			items = append(items, w.value(item, s))
		}
		if items == nil {
			return nil // an empty list is not shown
		}
		return items
	}
	return value
}

// R4 graphql §3.1.8: random queries over random records, answered by the server and by
// an evaluator on plain maps.
func TestGraphQL_BruteForce(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	w := newWorld(seed)
	w.record(3, 8)
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			base := start(t, open(t)).Base
			w.load(t, base)
			for range 60 {
				key := sortedKeys(w.all)[w.g.IntN(len(w.all))]
				chosen := w.fields(w.all[key], 3)
				var text strings.Builder
				selection{below: chosen}.write(&text)
				status, answer := graphQL(t, base+"/"+key+"/$graphql", text.String(), "", nil)
				want := any(w.evaluate(w.all[key], chosen))
				if status != http.StatusOK || !reflect.DeepEqual(answer["data"], want) {
					t.Fatalf("%s %s: %d\ngot  %v\nwant %v", key, text.String(), status, answer, want)
				}
				typ, id, _ := strings.Cut(key, "/")
				status, answer = graphQL(t, base+"/$graphql", fmt.Sprintf("{ it: %s(id: %q) %s }", typ, id, text.String()), "", nil)
				if data, _ := answer["data"].(map[string]any); status != http.StatusOK || !reflect.DeepEqual(data["it"], want) {
					t.Fatalf("%s of the system: %d %v", key, status, answer)
				}
			}
		})
	}
}
