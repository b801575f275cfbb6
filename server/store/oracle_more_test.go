package store_test

import (
	"encoding/json"
	"fmt"
	"html"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
)

// What the oracle knows of full text, :text, near, _filter, orders by anything,
// several types and contained resources.

// sortKey picks what to sort by: a parameter, or one of what a reference names.
func (o *oracle) sortKey(g generator, typ string) (name string, of func(*subject) []fact, ok bool) {
	sortable := func(typ string) []string {
		codes := []string{"_id"}
		for code, p := range o.params[typ] {
			if p.Expression != "" && slices.Contains([]string{"date", "string", "number", "token", "reference", "uri"}, p.Type) && code != "_lastUpdated" && code != "_id" {
				codes = append(codes, code)
			}
		}
		slices.Sort(codes)
		return codes
	}
	code := pick(g, sortable(typ)...)
	p := o.params[typ][code]
	if p == nil || p.Type != "reference" || len(p.Targets) == 0 || g.IntN(2) == 0 {
		return code, func(s *subject) []fact { return s.sortFacts(code) }, true
	}
	target := pick(g, p.Targets...)
	if o.pool[target] == nil || strings.Contains(p.Expression, "resolve() is Patient") && target != "Patient" {
		return "", nil, false
	}
	inner := pick(g, sortable(target)...)
	return code + ":" + target + "." + inner, func(s *subject) []fact {
		var all []fact
		for _, f := range s.of(code) {
			if to := o.byKey[keyOf(f.text)]; to != nil && to.resource.Type() == target {
				all = append(all, to.sortFacts(inner)...)
			}
		}
		return all
	}, true
}

// sortFacts are values as they are sorted by: tokens by code, references by key.
func (s *subject) sortFacts(code string) []fact {
	if code == "_id" {
		return []fact{{exact: s.resource.ID()}}
	}
	list := slices.Clone(s.of(code))
	for i := range list {
		f := &list[i]
		switch s.o.params[s.resource.Type()][code].Type {
		case "token":
			f.exact = f.code
		case "uri":
			f.exact = f.text
		case "reference":
			if f.exact = f.text; keyOf(f.text).ID != "" {
				f.exact = keyOf(f.text).String()
			}
		}
	}
	return list
}

// words of a resource, seen from JSON as text: quite another way than the indexer's.
var (
	tags    = regexp.MustCompile(`(?s)<!--.*?-->|<[^>]*>`)
	strange = map[string]bool{"id": true, "reference": true, "system": true, "url": true, "div": true, "data": true, "resourceType": true,
		"hash": true, "versionId": true, "lastUpdated": true, "profile": true, "query": true, "valueBase64Binary": true}
)

func (s *subject) narrative() []string {
	return search.Words(html.UnescapeString(tags.ReplaceAllString(s.resource.Path("text", "div").Text(), " ")))
}

func (s *subject) content() []string {
	var tree map[string]any
	if err := json.Unmarshal(s.resource.JSON(), &tree); err != nil {
		panic(err)
	}
	delete(tree, "meta")
	delete(tree, "resourceType")
	var list []string
	var walk func(name string, v any)
	walk = func(name string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, inner := range v {
				walk(name, inner)
			}
		case []any:
			for _, inner := range v {
				walk(name, inner)
			}
		case string:
			u, err := url.Parse(v)
			absolute := err == nil && u.Scheme != "" && (u.Host != "" || strings.HasPrefix(v, u.Scheme+"://") || u.Scheme == "urn" && strings.HasPrefix(v, "urn"))
			_, date := fhir.ParseDateTime(v)
			if !strange[name] && !(absolute && !strings.ContainsAny(v, " \n\t")) && !(date && len(v) >= 7) {
				list = append(list, search.Words(v)...)
			}
		}
	}
	for name, v := range tree {
		walk(name, v)
	}
	return append(list, s.narrative()...)
}

// fullText makes a search for words that are there, joined in any way.
func (o *oracle) fullText(g generator, typ string) (condition, bool) {
	name, of := "_content", (*subject).content
	if g.IntN(2) == 0 {
		name, of = "_text", (*subject).narrative
	}
	known := map[*subject][]string{}
	words := func(s *subject) []string {
		if known[s] == nil {
			known[s] = append(of(s), "")
		}
		return known[s]
	}
	if o.params[typ][name] == nil {
		return condition{}, false
	}
	text, holds, ok := o.textTree(g, words(pick(g, o.pool[typ]...)), words, 0)
	return condition{name, text, holds}, ok
}

func (o *oracle) textTree(g generator, from []string, words func(*subject) []string, depth int) (text string, holds func(*subject) bool, ok bool) {
	if depth < 3 && g.IntN(3) == 0 {
		a, holdsA, okA := o.textTree(g, from, words, depth+1)
		b, holdsB, okB := o.textTree(g, from, words, depth+1)
		switch g.IntN(3) {
		case 0:
			return "(" + a + pick(g, " ", " and ", " AND ") + b + ")", func(s *subject) bool { return holdsA(s) && holdsB(s) }, okA && okB
		case 1:
			return "(" + a + " or " + b + ")", func(s *subject) bool { return holdsA(s) || holdsB(s) }, okA && okB
		}
		return "not (" + a + ")", func(s *subject) bool { return !holdsA(s) }, okA
	}
	word := pick(g, from...)
	if word == "" || len(word) > 60 || slices.Contains([]string{"and", "or", "not"}, word) {
		return "", nil, false
	}
	if runes := []rune(word); len(runes) > 2 && g.IntN(3) == 0 {
		part := string(runes[:2+g.IntN(len(runes)-2)])
		return part + "*", func(s *subject) bool {
			return slices.ContainsFunc(words(s), func(w string) bool { return strings.HasPrefix(w, part) })
		}, true
	}
	return word, func(s *subject) bool { return slices.Contains(words(s), word) }, true
}

// labels are what people read with the values of a token or reference parameter.
func (s *subject) labels(code string) []string {
	p := s.o.params[s.resource.Type()][code]
	var list []string
	for _, it := range s.o.eval(p.Expression, s.o.model.Root(s.resource)) {
		e := it.Element()
		if !e.Is(fhir.Object) {
			continue
		}
		switch strings.TrimPrefix(it.TypeName(), "FHIR.") {
		case "CodeableConcept":
			list = append(list, e.Get("text").Text())
			for _, c := range e.Get("coding").Items() {
				list = append(list, c.Get("display").Text())
			}
		case "Identifier":
			if p.Type == "token" {
				list = append(list, e.Path("type", "text").Text())
			}
		default:
			list = append(list, e.Get("display").Text())
		}
	}
	return list
}

// labelled makes a :text of a token or reference.
func (o *oracle) labelled(g generator, typ string, codes []string) (condition, bool) {
	for range 10 {
		code := pick(g, codes...)
		if t := o.params[typ][code].Type; t != "token" && t != "reference" {
			continue
		}
		var words []string
		for _, label := range pick(g, o.pool[typ]...).labels(code) {
			words = append(words, search.Words(label)...)
		}
		if len(words) == 0 {
			continue
		}
		begins := make([]string, 1+g.IntN(2))
		for i := range begins {
			runes := []rune(pick(g, words...))
			begins[i] = string(runes[:1+g.IntN(min(len(runes), 20))])
		}
		return condition{code + ":text", strings.Join(begins, " "), func(s *subject) bool {
			var all []string
			for _, label := range s.labels(code) {
				all = append(all, search.Words(label)...)
			}
			return !slices.ContainsFunc(begins, func(b string) bool {
				return !slices.ContainsFunc(all, func(w string) bool { return strings.HasPrefix(w, b) })
			})
		}}, true
	}
	return condition{}, false
}

// near makes a circle around, or beside, a Location.
func (o *oracle) near(g generator, typ string) (condition, bool) {
	at := func(s *subject) (lat, lon float64, ok bool) {
		lat, err1 := strconv.ParseFloat(s.resource.Path("position", "latitude").Text(), 64)
		lon, err2 := strconv.ParseFloat(s.resource.Path("position", "longitude").Text(), 64)
		return lat, lon, err1 == nil && err2 == nil
	}
	if typ != "Location" {
		return condition{}, false
	}
	lat, lon, ok := at(pick(g, o.pool[typ]...))
	if !ok {
		return condition{}, false
	}
	lat, lon = math.Round(lat+g.Float64()*4-2), math.Round(lon+g.Float64()*4-2)
	km := float64(1 + g.IntN(800))
	for _, s := range o.pool[typ] { // nothing lies so near the border that rounding decides
		if a, b, ok := at(s); ok && math.Abs(haversine(lat, lon, a, b)-km) < 0.001 {
			return condition{}, false
		}
	}
	return condition{"near", fmt.Sprintf("%v|%v|%v|km", lat, lon, km), func(s *subject) bool {
		a, b, ok := at(s)
		return ok && haversine(lat, lon, a, b) <= km
	}}, true
}

// haversine is the distance of two places in kilometres.
func haversine(lat1, lon1, lat2, lon2 float64) float64 {
	rad := math.Pi / 180
	a := math.Pow(math.Sin((lat2-lat1)*rad/2), 2) + math.Cos(lat1*rad)*math.Cos(lat2*rad)*math.Pow(math.Sin((lon2-lon1)*rad/2), 2)
	return 2 * 6371.0088 * math.Asin(math.Min(1, math.Sqrt(a)))
}

// filtered makes a _filter of tests joined in any way.
func (o *oracle) filtered(g generator, typ string, codes []string) (condition, bool) {
	text, holds, ok := o.filterTree(g, typ, codes, 0)
	return condition{"_filter", text, holds}, ok
}

func (o *oracle) filterTree(g generator, typ string, codes []string, depth int) (text string, holds func(*subject) bool, ok bool) {
	if depth < 3 && (depth == 0 || g.IntN(2) == 0) {
		a, holdsA, okA := o.filterTree(g, typ, codes, depth+1)
		b, holdsB, okB := o.filterTree(g, typ, codes, depth+1)
		if !okA || !okB {
			return "", nil, false
		}
		switch g.IntN(3) {
		case 0:
			return "(" + a + " and " + b + ")", func(s *subject) bool { return holdsA(s) && holdsB(s) }, true
		case 1:
			return "(" + a + " or " + b + ")", func(s *subject) bool { return holdsA(s) || holdsB(s) }, true
		}
		return "not (" + a + ")", func(s *subject) bool { return !holdsA(s) }, true
	}
	for range 10 {
		p := o.params[typ][pick(g, codes...)]
		if p.Type == "reference" && len(p.Targets) > 0 && g.IntN(2) == 0 {
			if text, holds, ok := o.filterChain(g, typ, p.Code, pick(g, p.Targets...), depth); ok {
				return text, holds, true
			}
			continue
		}
		values := pick(g, o.pool[typ]...).of(p.Code)
		if len(values) == 0 {
			continue
		}
		if op, value, match, ok := filterTest(g, p.Type, pick(g, values...)); ok {
			quoted, _ := json.Marshal(value)
			code := p.Code
			switch op {
			case "pr":
				return code + " pr " + value, func(s *subject) bool { return (len(s.of(code)) > 0) == (value == "true") }, p.Type != "reference"
			case "ne":
				if p.Type == "token" {
					return code + " ne " + string(quoted), func(s *subject) bool {
						return len(s.of(code)) > 0 && !slices.ContainsFunc(s.of(code), match)
					}, true
				}
			}
			return code + " " + op + " " + string(quoted), func(s *subject) bool { return slices.ContainsFunc(s.of(code), match) }, true
		}
	}
	return "", nil, false
}

// filterChain tests what a reference leads to, perhaps narrowed in brackets.
func (o *oracle) filterChain(g generator, typ, code, target string, depth int) (string, func(*subject) bool, bool) {
	p := o.params[typ][code]
	if o.pool[target] == nil || strings.Contains(p.Expression, "resolve() is Patient") && target != "Patient" {
		return "", nil, false
	}
	var codes []string
	for c, p := range o.params[target] {
		if p.Expression != "" && slices.Contains([]string{"token", "string", "date"}, p.Type) && !strings.HasPrefix(c, "_") {
			codes = append(codes, c)
		}
	}
	if slices.Sort(codes); len(codes) == 0 {
		return "", nil, false
	}
	text, holds, ok := o.filterTree(g, target, codes, 5)
	narrow := ""
	if ok && g.IntN(2) == 0 {
		inner, holdsToo, okToo := o.filterTree(g, target, codes, max(depth, 2))
		if okToo {
			before := holds
			narrow, holds = "["+inner+"]", func(s *subject) bool { return before(s) && holdsToo(s) }
		}
	}
	return code + ":" + target + narrow + "." + text, func(s *subject) bool {
		return slices.ContainsFunc(s.of(code), func(f fact) bool {
			to := o.byKey[keyOf(f.text)]
			return to != nil && to.resource.Type() == target && holds(to)
		})
	}, ok
}

func filterTest(g generator, kind string, v fact) (op, value string, match func(fact) bool, ok bool) {
	if g.IntN(8) == 0 {
		return "pr", pick(g, "true", "false"), nil, true
	}
	switch kind {
	case "token":
		return pick(g, "eq", "ne"), strings.ReplaceAll(v.code, "|", `\|`), func(f fact) bool { return f.code == v.code }, !strings.ContainsAny(v.code, `\|$`)
	case "string":
		folded := search.Fold(v.text)
		runes := []rune(folded)
		if folded == "" || strings.TrimSpace(v.text) != v.text {
			return "", "", nil, false
		}
		from := g.IntN(len(runes))
		part := strings.TrimSpace(string(runes[from : from+1+g.IntN(len(runes)-from)]))
		switch op := pick(g, "eq", "ne", "co", "sw", "ew"); op {
		case "eq":
			return op, v.text, func(f fact) bool { return search.Fold(f.text) == folded }, true
		case "ne":
			return op, v.text, func(f fact) bool { return search.Fold(f.text) != folded }, true
		case "co":
			return op, part, func(f fact) bool { return strings.Contains(search.Fold(f.text), part) }, part != ""
		case "sw":
			part = strings.TrimSpace(string(runes[:1+from]))
			return op, part, func(f fact) bool { return strings.HasPrefix(search.Fold(f.text), part) }, part != ""
		default:
			part = strings.TrimSpace(string(runes[from:]))
			return op, part, func(f fact) bool { return strings.HasSuffix(search.Fold(f.text), part) }, part != ""
		}
	case "date":
		if v.low.IsZero() {
			return "", "", nil, false
		}
		day := v.low.UTC().Format("2006-01-02")
		d, ok := fhir.ParseSearchDate(day, v.low.UTC().Location())
		if !ok {
			return "", "", nil, false
		}
		low, high := d.Low(), d.High()
		switch op := pick(g, "eq", "gt", "lt", "po"); op {
		case "gt":
			return op, day, func(f fact) bool { return f.high.IsZero() || f.high.After(high) }, true
		case "lt":
			return op, day, func(f fact) bool { return f.low.IsZero() || f.low.Before(low) }, true
		case "po":
			return op, day, func(f fact) bool {
				return (f.low.IsZero() || f.low.Before(high)) && (f.high.IsZero() || f.high.After(low))
			}, true
		default:
			return op, day, func(f fact) bool {
				return !f.low.IsZero() && !f.high.IsZero() && !f.low.Before(low) && !f.high.After(high)
			}, true
		}
	}
	return "", "", nil, false
}

// unusual makes, now and then, a search of several types or of contained resources.
func (o *oracle) unusual(g generator, typ string, q question) (question, bool) {
	if g.IntN(12) > 0 {
		return q, false
	}
	if g.IntN(2) == 0 {
		return o.ofTypes(g, typ, q)
	}
	return o.ofContained(g, q)
}

// ofTypes searches two types by a parameter that both have.
func (o *oracle) ofTypes(g generator, typ string, q question) (question, bool) {
	other := pick(g, o.types...)
	var common []string
	for code, p := range o.params[typ] {
		if like := o.params[other][code]; other != typ && like != nil && like.Type == p.Type && p.Expression != "" &&
			slices.Contains([]string{"token", "string", "date", "uri"}, p.Type) && code != "_lastUpdated" && code != "_id" {
			common = append(common, code)
		}
	}
	if slices.Sort(common); len(common) == 0 {
		return q, false
	}
	code := pick(g, common...)
	values := pick(g, o.pool[typ]...).of(code)
	if len(values) == 0 {
		return q, false
	}
	c, ok := conditionOn(g, o.params[typ][code], pick(g, values...))
	if !ok {
		return q, false
	}
	var found []*subject
	for _, s := range slices.Backward(o.all) {
		if t := s.resource.Type(); (t == typ || t == other) && c.holds(s) {
			found = append(found, s)
		}
	}
	q.query = url.QueryEscape(c.name) + "=" + url.QueryEscape(c.value)
	switch g.IntN(3) {
	case 0: // newest first is the order without _sort
	case 1:
		q.query += "&_sort=_lastUpdated"
		slices.Reverse(found)
	default:
		q.query += "&_sort=" + code + ",_id"
		slices.SortStableFunc(found, func(a, b *subject) int {
			if by := compareBy(a.sortFacts(code), b.sortFacts(code), false); by != 0 {
				return by
			}
			return strings.Compare(a.resource.ID(), b.resource.ID())
		})
	}
	q.types, q.ordered = []string{typ, other}, true
	for _, s := range found {
		q.want = append(q.want, s.resource.ID())
	}
	return q, true
}

// ofContained searches what is contained in others.
func (o *oracle) ofContained(g generator, q question) (question, bool) {
	holder := pick(g, o.pool[pick(g, o.types...)]...)
	inner := o.containedIn(holder)
	if len(inner) == 0 {
		return q, false
	}
	one := pick(g, inner...)
	typ := one.resource.Type()
	var codes []string
	for code := range o.paramsOf(typ) {
		if len(one.of(code)) > 0 && code != "_id" && code != "_lastUpdated" {
			codes = append(codes, code)
		}
	}
	if slices.Sort(codes); len(codes) == 0 {
		return q, false
	}
	p := o.params[typ][pick(g, codes...)]
	c, ok := conditionOn(g, p, pick(g, one.of(p.Code)...))
	if !ok {
		return q, false
	}
	both, by := g.IntN(2) == 0, g.IntN(2) == 0
	for _, s := range slices.Backward(o.all) {
		if both && s.resource.Type() == typ && c.holds(s) {
			q.want = append(q.want, s.resource.ID())
			if !by {
				continue
			}
		}
		for _, in := range o.containedIn(s) {
			if in.resource.Type() == typ && c.holds(in) {
				q.want = append(q.want, s.resource.ID())
				if !by {
					break
				}
			}
		}
	}
	q.typ, q.query = typ, url.QueryEscape(c.name)+"="+url.QueryEscape(c.value)+"&_contained="+map[bool]string{true: "both", false: "true"}[both]
	if by {
		q.query += "&_containedType=contained"
	}
	q.ordered = true
	return q, true
}

func (o *oracle) containedIn(s *subject) []*subject {
	if s.inner == nil {
		s.inner = []*subject{}
		for _, e := range s.resource.Get("contained").Items() {
			if r, err := fhir.AsResource(e); err == nil && fhir.IsResourceType(r.Type()) {
				o.paramsOf(r.Type())
				s.inner = append(s.inner, &subject{o: o, resource: r, values: map[string][]fact{}})
			}
		}
	}
	return s.inner
}
