package validate

import (
	"fmt"
	"slices"
	"strings"

	"vitalwire/fhir"
)

// bundle checks what R4 bundle §2.36 says in words: fullUrls, links, search
// modes, and for documents that all hangs together.
func (r *run) bundle(el *fhir.Element) {
	typ := el.Get("type").Text()
	entries := el.Get("entry")
	requests := typ == "transaction" || typ == "batch" || typ == "transaction-response" || typ == "batch-response"
	for i := range entries.Len() {
		r.fullURL(entries.At(i), i, requests)
	}
	switch typ {
	case "searchset":
		r.searchset(el, entries)
	case "document":
		r.document(el, entries)
	case "message":
		r.message(el, entries)
	}
	if typ == "document" || typ == "message" || typ == "collection" {
		links := el.Get("link")
		for i := range links.Len() {
			if rel := links.At(i).Get("relation").Text(); slices.Contains([]string{"first", "prev", "previous", "next", "last"}, rel) {
				r.errBelow(fhir.CodeInvalid, fmt.Sprintf(".link[%d].relation", i), "the link relation %q is for pages of search results and history", rel)
			}
		}
	}
}

// fullURL checks an entry's fullUrl (R4 bundle §2.36.4: absolute, consistent
// with the id, and there but for entries that only ask or answer).
func (r *run) fullURL(entry *fhir.Element, i int, requests bool) {
	at := fmt.Sprintf(".entry[%d]", i)
	url, res := entry.Get("fullUrl").Text(), entry.Get("resource")
	if url == "" {
		if !requests && res != nil && res.Get("resourceType").Text() != "OperationOutcome" && entry.Get("request") == nil {
			r.errBelow(fhir.CodeInvalid, at, "fullUrl is missing: entries have one, except in transactions and batches")
		}
		return
	}
	if !absolute(url) {
		r.errBelow(fhir.CodeInvalid, at, "fullUrl is absolute: an http(s) URL or a urn:uuid or urn:oid")
		return
	}
	ref := fhir.ParseReference(url)
	if ref.Key.Type == "" || !fhir.IsResourceType(ref.Key.Type) || res == nil || requests {
		return
	}
	typ, id := res.Get("resourceType").Text(), res.Get("id").Text()
	switch {
	case id == "":
		r.errBelow(fhir.CodeInvalid, at, "fullUrl names %s, and the resource has no id", ref.Key.Type+"/[id]")
	case typ != ref.Key.Type || id != ref.Key.ID:
		r.errBelow(fhir.CodeInvalid, at, "fullUrl does not end in the type and id of the resource, whose type is %s", clip(typ))
	}
}

// searchset checks ids, modes and types of search results (R4 http §3.1.1.1).
func (r *run) searchset(el, entries *fhir.Element) {
	types, modes := r.searched(el), false
	for i := range entries.Len() {
		modes = modes || entries.At(i).Get("search").Get("mode") != nil
	}
	for i := range entries.Len() {
		res := entries.At(i).Get("resource")
		if res == nil {
			continue
		}
		at := fmt.Sprintf(".entry[%d].resource", i)
		typ := res.Get("resourceType").Text()
		mode := entries.At(i).Get("search").Get("mode").Text()
		if mode == "outcome" {
			if typ != "OperationOutcome" {
				r.errBelow(fhir.CodeInvalid, at, "an entry of search mode outcome is an OperationOutcome, not a %s", clip(typ))
			}
			continue
		}
		if res.Get("id") == nil && (typ != "OperationOutcome" || modes) {
			r.errBelow(fhir.CodeInvalid, at, "a search result has an id")
		}
		if mode == "match" && len(types) > 0 && !slices.Contains(types, typ) {
			r.errBelow(fhir.CodeInvalid, at, "a %s does not match the search, which is for %s", clip(typ), words(types))
		}
	}
}

// searched are the types that the self link searched for; nil when it does not say.
func (r *run) searched(el *fhir.Element) []string {
	links := el.Get("link")
	for i := range links.Len() {
		if links.At(i).Get("relation").Text() != "self" {
			continue
		}
		path, query, ok := strings.Cut(links.At(i).Get("url").Text(), "?")
		if !ok {
			return nil
		}
		last := path[strings.LastIndexByte(path, '/')+1:]
		if fhir.IsResourceType(last) {
			return []string{last}
		}
		for _, part := range strings.Split(query, "&") {
			if list, ok := strings.CutPrefix(part, "_type="); ok {
				return strings.Split(strings.ReplaceAll(list, "%2C", ","), ",")
			}
		}
	}
	return nil
}

// document checks that the references of the Composition lead to entries, and
// that every entry can be reached from it, following references either way (R4
// documents §3.3.1).
func (r *run) document(el, entries *fhir.Element) {
	n := entries.Len()
	if n == 0 || entries.At(0).Get("resource").Get("resourceType").Text() != "Composition" {
		return // bdl-11 says so
	}
	ix := r.index(el)
	where := make(map[*fhir.Element]int, n)
	for i := range n {
		if res := entries.At(i).Get("resource"); res != nil {
			where[res] = i
		}
	}
	beside := make([][]int, n)
	for i := range n {
		entry := entries.At(i)
		base := entry.Get("fullUrl").Text()
		res := entry.Get("resource")
		place := fmt.Sprintf(".entry[%d].resource", i)
		r.references(r.v.shape(res.Get("resourceType").Text()), res, place, 0, func(at, ref string) {
			found := lookupIn(ix, base, res, ref)
			for _, target := range found {
				j := where[target]
				beside[i] = append(beside[i], j)
				beside[j] = append(beside[j], i)
			}
			if i == 0 || len(found) > 1 {
				r.documentReference(ix, at, ref, len(found))
			} else if len(found) == 0 && !absolute(ref) && len(ix.byKey[ref]) > 0 {
				r.errBelow(fhir.CodeInvalid, at, "the reference finds no entry: relative references are resolved against the fullUrl of their entry, and an entry with that type and id has another base")
			}
		})
	}
	seen := make([]bool, n)
	seen[0] = true
	for todo := []int{0}; len(todo) > 0; {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, j := range beside[i] {
			if !seen[j] {
				seen[j] = true
				todo = append(todo, j)
			}
		}
	}
	for i := range n {
		if !seen[i] && entries.At(i).Get("resource") != nil {
			r.errBelow(fhir.CodeInformational, fmt.Sprintf(".entry[%d]", i), "the entry cannot be reached from the Composition by references, forward or backward")
		}
	}
}

// message checks that what the MessageHeader is about is in the message (R4
// messaging §2.4.3: focus resources are in the Bundle).
func (r *run) message(el, entries *fhir.Element) {
	header := entries.At(0).Get("resource")
	if header.Get("resourceType").Text() != "MessageHeader" {
		return // bdl-12 says so
	}
	ix := r.index(el)
	focus := header.Get("focus")
	for i := range focus.Len() {
		ref := focus.At(i).Get("reference").Text()
		if ref == "" || ref[0] == '#' {
			continue
		}
		r.documentReference(ix, fmt.Sprintf(".entry[0].resource.focus[%d]", i), ref, len(lookupIn(ix, entries.At(0).Get("fullUrl").Text(), header, ref)))
	}
}

func (r *run) documentReference(ix *bundleIndex, at, ref string, found int) {
	switch {
	case found > 1:
		r.errBelow(fhir.CodeInvalid, at, "the reference finds %d entries; it must find one", found)
	case found == 1 || strings.HasPrefix(ref, "http:") || strings.HasPrefix(ref, "https:"):
	case len(ix.byKey[ref]) > 0:
		r.errBelow(fhir.CodeInvalid, at, "the reference finds no entry: relative references are resolved against the fullUrl of their entry, and an entry with that type and id has another base")
	default:
		r.errBelow(fhir.CodeNotFound, at, "the reference finds no entry in this Bundle")
	}
}

// lookupIn finds the entries that a reference of the entry with that fullUrl
// and resource means.
func lookupIn(ix *bundleIndex, fullURL string, res *fhir.Element, ref string) []*fhir.Element {
	full, version, _ := strings.Cut(ref, "/_history/")
	full, _, _ = strings.Cut(full, "#")
	if strings.Contains(full, ":") {
		return versions(ix.byURL[full], version)
	}
	if base := restBase(fullURL); base != "" {
		return versions(ix.byURL[base+full], version)
	}
	if fullURL == res.Get("resourceType").Text()+"/"+res.Get("id").Text() {
		return versions(ix.byURL[full], version) // relative fullUrls are told of elsewhere
	}
	return nil
}

// references calls do for each Reference with a text below an object, contained
// ones and fragments left out.
func (r *run) references(sh *shape, el *fhir.Element, at string, depth int, do func(at, ref string)) {
	if sh == nil || depth > fhir.MaxDepth || !r.step() {
		return
	}
	if sh.path == "Reference" {
		if ref := el.Get("reference").Text(); ref != "" && ref[0] != '#' {
			do(at, ref)
		}
		return
	}
	for _, m := range el.Members() {
		f := sh.names.find(m.Name)
		if f == nil || f.isUnder || f.kind != isComplex {
			continue
		}
		place := at + "." + f.name
		if f.choice != "" {
			place += ".ofType(" + f.choice + ")"
		}
		if !m.Value.Is(fhir.Array) {
			r.references(f.shape(r.v), m.Value, place, depth+1, do)
			continue
		}
		for i := range m.Value.Len() {
			r.references(f.shape(r.v), m.Value.At(i), fmt.Sprintf("%s[%d]", place, i), depth+1, do)
		}
	}
}
