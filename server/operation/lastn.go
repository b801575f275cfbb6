package operation

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// lastn is Observation/$lastn (R4 observation-operation-lastn): of the Observations
// that search parameters find, the latest of each code. The index says when they were
// and what they are; only what is answered is read, and what has a code of text only.
var lastn = Operation{
	Definition: "http://hl7.org/fhir/OperationDefinition/Observation-lastn",
	Needs:      gathers,
	Open:       true, // every search parameter of Observation
	Run:        runLastN,
}

// Limits of one call.
const (
	maxPerCode  = 1000
	maxLatest   = 10_000  // Observations answered
	maxTextOnly = 10_000  // Observations read to group them by text
	maxLooked   = 1 << 20 // matches
)

func runLastN(ctx context.Context, s *Set, c Call) (Result, error) {
	n, err := c.number("max", 1, 1)
	if err != nil {
		return Result{}, err
	}
	q, err := s.lastnQuery(c)
	if err != nil {
		return Result{}, err
	}
	var found []store.Version
	var at int64
	err = s.Engine.Store.View(ctx, func(r store.Reader) error {
		if at, err = r.Position(); err != nil {
			return err
		}
		found, err = latest(r, q, min(n, maxPerCode))
		return err
	})
	if err != nil {
		return Result{}, err
	}
	b := newBundle("searchset", at)
	b.Set("total", fhir.NewNumber(strconv.Itoa(len(found))))
	b.Set("link", fhir.NewArray(s.link("self", c.url("lastn"))))
	entries, mark := fhir.NewArray(), s.Engine.Watermark()
	for _, v := range found {
		if err := mark.Version(v); err != nil {
			return Result{}, err
		}
		r, err := fhir.ParseElement(v.AppendJSON(nil))
		if err != nil {
			return Result{}, err
		}
		entries.Append(s.entry(v.Key, r, "match"))
	}
	mark.Mark(b)
	if entries.Len() > 0 {
		b.Set("entry", entries)
	}
	return answer(fhir.AsResource(b))
}

// lastnQuery makes the search of the parameters. It must name a subject (R4: the
// request SHALL include subject or patient).
func (s *Set) lastnQuery(c Call) (*search.Query, error) {
	var query []string
	subject := false
	for _, p := range c.In.Get("parameter").Items() {
		name := p.Get("name").Text()
		if name == "max" || name == "_count" {
			continue // max is the page
		}
		code, _, _ := strings.Cut(strings.SplitN(name, ".", 2)[0], ":")
		subject = subject || code == "subject" || code == "patient"
		query = append(query, url.QueryEscape(name)+"="+url.QueryEscape(valueOf(p).Text()))
	}
	if !subject {
		return nil, fhir.BadSearch("$lastn needs the search parameter subject or patient").WithCode(fhir.CodeRequired)
	}
	q, err := s.query("Observation", strings.Join(query, "&"))
	if err == nil && (len(q.Sort) > 0 || len(q.Include) > 0) {
		err = fhir.BadSearch("$lastn takes no _sort and no _include").WithCode(fhir.CodeNotSupported)
	}
	return q, err
}

// latest finds the latest n of each code, those as late as the n-th included, from
// the latest to the earliest.
func latest(r store.Reader, q *search.Query, n int) ([]store.Version, error) {
	g := newGroups(n)
	var plain []store.Fact // of text only
	looked := 0
	err := r.Facts(q, func(f store.Fact) error {
		if looked++; looked > maxLooked {
			return fhir.TooCostly("more than %d Observations match; ask for fewer by date or category", maxLooked)
		}
		if len(f.Codes) > 0 {
			g.add(f)
			return nil
		}
		if plain = append(plain, f); len(plain) > maxTextOnly {
			return fhir.TooCostly("more than %d matches have no code but text; ask for fewer by date or category", maxTextOnly)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	kept := g.latest()
	texts, err := byText(r, plain, n)
	if err != nil {
		return nil, err
	}
	kept = append(kept, texts...)
	if len(kept) > maxLatest {
		return nil, fhir.TooCostly("the answer has more than %d Observations; ask for fewer with max", maxLatest)
	}
	slices.SortFunc(kept, later)
	positions := make([]int64, len(kept))
	place := make(map[int64]int, len(kept))
	for i, f := range kept {
		positions[i], place[f.Position] = f.Position, i
	}
	found, err := r.At(positions)
	slices.SortFunc(found, func(a, b store.Version) int { return place[a.Position] - place[b.Position] })
	return found, err
}

// byText groups what has a code of text only by that text (R4: as it is written).
func byText(r store.Reader, plain []store.Fact, n int) ([]store.Fact, error) {
	groups := map[string][]store.Fact{}
	for chunk := range slices.Chunk(plain, batchSize) {
		at := map[int64]store.Fact{}
		positions := make([]int64, len(chunk))
		for i, f := range chunk {
			positions[i], at[f.Position] = f.Position, f
		}
		versions, err := r.At(positions)
		if err != nil {
			return nil, err
		}
		for _, v := range versions {
			o, err := fhir.ParseElement(v.Body)
			if err != nil {
				return nil, err
			}
			text := o.Path("code", "text").Text()
			groups[text] = append(groups[text], at[v.Position])
		}
	}
	var kept []store.Fact
	for _, group := range groups {
		kept = append(kept, first(group, n)...)
	}
	return kept, nil
}
