package validate

import (
	"slices"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
)

// bundleIndex finds the entries of a Bundle or the resources of Parameters.
type bundleIndex struct {
	byURL map[string][]*fhir.Element // fullUrl, without version -> resources
	byKey map[string][]*fhir.Element // Type/id -> resources
}

// index is the index of a Bundle or Parameters on the stack.
func (r *run) index(el *fhir.Element) *bundleIndex {
	if el == r.indexed {
		return r.last
	}
	if ix, ok := r.bundles[el]; ok {
		r.indexed, r.last = el, ix
		return ix
	}
	ix := &bundleIndex{byURL: make(map[string][]*fhir.Element), byKey: make(map[string][]*fhir.Element)}
	add := func(url string, res *fhir.Element) {
		if !res.Is(fhir.Object) {
			return
		}
		if url != "" {
			ix.byURL[url] = append(ix.byURL[url], res)
		}
		if id := res.Get("id").Text(); id != "" {
			key := res.Get("resourceType").Text() + "/" + id
			ix.byKey[key] = append(ix.byKey[key], res)
		}
	}
	entries := el.Get("entry")
	for i := range entries.Len() {
		e := entries.At(i)
		add(e.Get("fullUrl").Text(), e.Get("resource"))
	}
	params := el.Get("parameter")
	var parts func(list *fhir.Element, depth int)
	parts = func(list *fhir.Element, depth int) {
		for i := range list.Len() {
			e := list.At(i)
			url := ""
			ext := e.Get("extension")
			for j := range ext.Len() {
				if strings.HasSuffix(ext.At(j).Get("url").Text(), "/parameters-fullUrl") {
					url = ext.At(j).Get("valueUri").Text() + ext.At(j).Get("valueUrl").Text()
				}
			}
			add(url, e.Get("resource"))
			if depth < 8 {
				parts(e.Get("part"), depth+1)
			}
		}
	}
	parts(params, 0)
	if r.bundles == nil {
		r.bundles = make(map[*fhir.Element]*bundleIndex)
	}
	r.bundles[el] = ix
	r.indexed, r.last = el, ix
	return ix
}

// inside are the contained resources of a resource by their ids.
func (r *run) inside(container *fhir.Element) map[string]*fhir.Element {
	if ids, ok := r.holds[container]; ok {
		return ids
	}
	list := container.Get("contained")
	ids := make(map[string]*fhir.Element, list.Len())
	for i := range list.Len() {
		if id := list.At(i).Get("id"); id.Is(fhir.String) && ids[id.Text()] == nil {
			ids[id.Text()] = list.At(i)
		}
	}
	if r.holds == nil {
		r.holds = make(map[*fhir.Element]map[string]*fhir.Element)
	}
	r.holds[container] = ids
	return ids
}

// resolution tells where a reference leads.
type resolution struct {
	target *fhir.Element // nil when not found
	how    string        // contained, bundled or referenced
}

// resolve finds the resource that the text of a reference names; nil where it
// cannot be found.
func (r *run) resolve(ref string) *fhir.Element { return r.lookup(ref).target }

func (r *run) lookup(ref string) resolution {
	if ref == "" {
		return resolution{}
	}
	if id, ok := strings.CutPrefix(ref, "#"); ok {
		container := r.stack[r.containerFrame()].el
		if id == "" {
			return resolution{container, "contained"}
		}
		return resolution{r.inside(container)[id], "contained"}
	}
	for i := len(r.stack) - 1; i >= 0; i-- {
		fr := &r.stack[i]
		if !fr.ids || fr.name() == "contained" || fr.sh == nil {
			continue
		}
		switch fr.sh.typ {
		case "Bundle":
			if found := r.inBundle(i, ref); len(found) > 0 {
				return resolution{found[0], "bundled"}
			}
		case "Parameters":
			ix := r.index(fr.el)
			if found := ix.byURL[ref]; len(found) > 0 {
				return resolution{found[0], "bundled"}
			}
			if found := ix.byKey[ref]; len(found) > 0 {
				return resolution{found[0], "bundled"}
			}
		}
	}
	if r.opts.Resolve != nil {
		if res := r.opts.Resolve(r.ctx, ref); res != nil {
			return resolution{res.Root(), "referenced"}
		}
	}
	return resolution{nil, "referenced"}
}

// inBundle finds the entries that a reference from within the Bundle at a place
// on the stack leads to (R4 bundle §2.36.4.1: resolving references in Bundles).
func (r *run) inBundle(at int, ref string) []*fhir.Element {
	ix := r.index(r.stack[at].el)
	full, version, _ := strings.Cut(ref, "/_history/")
	if strings.Contains(full, ":") {
		return versions(ix.byURL[full], version)
	}
	fullURL := ""
	if at+1 < len(r.stack) && r.stack[at+1].name() == "entry" {
		fullURL = r.stack[at+1].el.Get("fullUrl").Text()
	}
	if base := restBase(fullURL); base != "" {
		return versions(ix.byURL[base+full], version)
	}
	if fullURL == "" || !strings.Contains(fullURL, ":") {
		return versions(ix.byKey[full], version)
	}
	return nil
}

func versions(list []*fhir.Element, version string) []*fhir.Element {
	if version == "" {
		return list
	}
	var out []*fhir.Element
	for _, e := range list {
		if e.Get("meta").Get("versionId").Text() == version {
			out = append(out, e)
		}
	}
	return out
}

// restBase is the base of a RESTful fullUrl with its slash, "" for other URLs.
func restBase(fullURL string) string {
	ref := fhir.ParseReference(fullURL)
	if ref.Base == "" || ref.Key.Type == "" {
		return ""
	}
	return ref.Base + "/"
}

// referenceForm checks the text of a Reference (R4 references §2.3.0.1: relative
// references are [type]/[id]; §2.3.0.2: a fragment names a contained resource).
func (r *run) referenceForm(ref *fhir.Element) {
	text := ref.Get("reference").Text()
	if text == "" || !ref.Get("reference").Is(fhir.String) {
		return
	}
	switch {
	case text[0] == '#':
		return // ref-1 tells of missing ones
	case strings.Contains(text, ":"):
		return
	}
	bare, _, _ := strings.Cut(text, "#")
	if i := strings.IndexByte(bare, '?'); i > 0 && fhir.ValidType(bare[:i]) {
		return // a conditional reference of a transaction (R4 http §3.1.0.11.2)
	}
	key, ok := fhir.ParseKey(bare)
	switch {
	case !ok:
		r.err(fhir.CodeInvalid, "a relative reference is [type]/[id], with or without /_history/[version]")
	case !fhir.IsResourceType(key.Type):
		r.err(fhir.CodeInvalid, "the reference names %q, which is no resource type", clip(key.Type))
	}
}

// reference checks the type of what the Reference at hand leads to, and for
// targets in the same resource or Bundle their profiles. base tells that the
// targets are types, as they are in the definitions of R4.
func (r *run) reference(targets []string, by string, base bool) {
	el := r.top().el
	text := el.Get("reference").Text()
	if stated := strings.TrimPrefix(el.Get("type").Text(), "http://hl7.org/fhir/StructureDefinition/"); stated != "" && typeNamed(text) != "" && stated != typeNamed(text) {
		r.errBelow(fhir.CodeInvalid, ".type", "type says %s, and the reference names a %s", clip(stated), typeNamed(text))
	}
	found := r.lookup(text)
	if found.target == nil {
		r.misnamed(text)
		r.unresolved(text, found.how)
		typ := typeNamed(text)
		if typ == "" {
			typ = strings.TrimPrefix(el.Get("type").Text(), "http://hl7.org/fhir/StructureDefinition/")
		}
		if typ != "" && !r.targetFits(typ, targets) {
			r.err(fhir.CodeInvalid, "the reference is to a %s; %s allows %s", clip(typ), by, words(typeNames(targets)))
		}
		return
	}
	typ := found.target.Get("resourceType").Text()
	if named := typeNamed(text); named != "" && named != typ && found.how != "contained" {
		r.err(fhir.CodeInvalid, "the reference names a %s, and its target is a %s", named, typ)
		return
	}
	if !r.targetFits(typ, targets) {
		r.err(fhir.CodeInvalid, "the reference is to a %s; %s allows %s", typ, by, words(typeNames(targets)))
		return
	}
	if base || found.how == "referenced" && r.opts.References != ReferencesValid {
		return
	}
	r.targetProfiles(found.target, typ, targets)
}

// targetProfiles demands that a target meets one of the profiles for its type.
func (r *run) targetProfiles(target *fhir.Element, typ string, targets []string) {
	var tried []string
	why := ""
	for _, t := range targets {
		p, err := r.v.profile(t)
		if err != nil || !constrains(p.s) {
			if r.v.typeFits(typ, r.v.typeOfCanonical(t)) && err == nil {
				return
			}
			if err != nil {
				return // what is not known cannot be held against anyone
			}
			continue
		}
		if !r.v.typeFits(typ, p.s.Type) {
			continue
		}
		found := r.conformsApart(p, target)
		if found.ok {
			return
		}
		if why == "" {
			why = found.why
		}
		tried = append(tried, t)
	}
	if len(tried) > 0 {
		r.err(fhir.CodeInvalid, "the target of the reference does not meet %s: %s", strings.Join(tried[:min(3, len(tried))], " nor "), why)
	}
}

// misnamed tells of a relative reference whose id is that of a urn:uuid entry of
// another type: what was meant is plain, and it is wrong.
func (r *run) misnamed(text string) {
	key, ok := fhir.ParseKey(text)
	if !ok || !fhir.IsResourceType(key.Type) {
		return
	}
	for i := range r.stack {
		if !r.stack[i].ids || r.stack[i].el.Get("resourceType").Text() != "Bundle" {
			continue
		}
		for _, target := range r.index(r.stack[i].el).byURL["urn:uuid:"+key.ID] {
			if typ := target.Get("resourceType").Text(); typ != key.Type {
				r.err(fhir.CodeRequired, "the reference names a %s, and the entry with that id is a %s", key.Type, clip(typ))
			}
		}
	}
}

func (r *run) unresolved(text, how string) {
	if text == "" {
		return
	}
	if how == "contained" {
		r.err(fhir.CodeInvalid, "the reference leads to no contained resource: ref-1")
		return
	}
	if r.opts.References >= ReferencesExist && r.opts.Resolve != nil && typeNamed(text) != "" {
		r.err(fhir.CodeInvalid, "the reference cannot be resolved")
	}
}

// typeNamed is the resource type that the text of a reference names, "" for none.
func typeNamed(text string) string {
	ref := fhir.ParseReference(text)
	if fhir.IsResourceType(ref.Key.Type) {
		return ref.Key.Type
	}
	return ""
}

func (r *run) targetFits(typ string, targets []string) bool {
	if len(targets) == 0 || !fhir.IsResourceType(typ) {
		return true
	}
	for _, t := range targets {
		if name := definition.TypeName(t); name == typ || name == "Resource" {
			return true
		}
	}
	for _, t := range targets {
		want := r.v.typeOfCanonical(t)
		if want == "" || r.v.typeFits(typ, want) {
			return true
		}
	}
	return false
}

func typeNames(targets []string) []string {
	out := make([]string, len(targets))
	for i, t := range targets {
		out[i] = definition.TypeName(t)
	}
	return out
}

// aggregation checks how a Reference reaches its target (R4 elementdefinition:
// type.aggregation).
func (r *run) aggregation(p *profile, t *definition.Type) {
	if len(t.Aggregation) == 0 {
		return
	}
	text := r.top().el.Get("reference").Text()
	if text == "" {
		return
	}
	found := r.lookup(text)
	how := found.how
	if how == "referenced" && slices.Contains(t.Aggregation, "bundled") && !r.inAnyBundle() {
		return // a resource that stands alone may be bundled later
	}
	if !slices.Contains(t.Aggregation, how) && !(how == "bundled" && slices.Contains(t.Aggregation, "referenced")) {
		r.err(fhir.CodeInvalid, "the target is %s; %s allows only: %s", how, p.s.Canonical(), words(t.Aggregation))
	}
}

func (r *run) inAnyBundle() bool {
	for i := range r.stack {
		if r.stack[i].ids && r.stack[i].el.Get("resourceType").Text() == "Bundle" {
			return true
		}
	}
	return false
}
