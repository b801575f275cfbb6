package interaction

import (
	"html"
	"regexp"
	"strconv"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
)

// target is what links in a transaction point at: an entry, or what a condition
// finds.
type target struct {
	key     fhir.Key
	version int64 // known when links are set that want one

	// Of a conditional reference: its condition, and an entry that has it.
	condition *condition
	entry     int
	late      bool // it is answered only when other entries are written
}

// mention is one text that is set when its targets are known: literal pieces
// around targets.
type mention struct {
	in      *fhir.Element
	entry   int
	pieces  []string // one more than targets
	targets []*target
	// versioned asks for a version-specific reference.
	versioned bool
}

func (m mention) set() {
	var b strings.Builder
	for i, t := range m.targets {
		b.WriteString(m.pieces[i])
		b.WriteString(t.key.String())
		if m.versioned && t.version > 0 {
			b.WriteString("/_history/" + strconv.FormatInt(t.version, 10))
		}
	}
	b.WriteString(m.pieces[len(m.targets)])
	*m.in = *fhir.NewString(b.String())
}

// linker finds the links of resources to the entries of their transaction (R4
// http §3.1.0.11.2): in Reference.reference, in elements of type uri, url, oid
// and uuid, and in href and src of narratives. Elements of type canonical stay.
type linker struct {
	base       string // of the server
	structures definition.Structures
	roots      map[string]*definition.Element // of types met, nil for unknown ones
	byURL      map[string]*target             // fullUrl, or fullUrl/_history/version
	byQuery    map[string]*target             // Type?query of conditional references
	// condition makes the target of a conditional reference.
	condition func(typ, query string) (*target, error)

	mentions []mention
	err      error // the first bad conditional reference

	at        int    // the entry at work
	entryBase string // base of its fullUrl
}

// resource finds the links of an entry's resource.
func (l *linker) resource(root *fhir.Element, fullURL string) {
	l.entryBase = fhir.ParseReference(fullURL).Base
	if l.entryBase == "" {
		l.entryBase = l.base
	}
	l.inResource(root)
}

func (l *linker) inResource(root *fhir.Element) {
	typ := root.Get("resourceType").Text()
	if typ == "Bundle" {
		return // its entries link to each other (R4 bundle §2.36.4.1)
	}
	l.inType(root, typ)
}

func (l *linker) inType(e *fhir.Element, typ string) {
	root, known := l.roots[typ]
	if !known {
		if s, err := l.structures.Structure(typ); err == nil {
			root = s.Root()
		}
		l.roots[typ] = root
	}
	if root != nil {
		l.inObject(e, root)
	}
}

func (l *linker) inObject(e *fhir.Element, def *definition.Element) {
	for _, m := range e.Members() {
		if strings.HasPrefix(m.Name, "_") {
			for _, item := range m.Value.Items() {
				l.inType(item, "Element")
			}
			continue
		}
		child, typ := def.Child(m.Name)
		if child == nil {
			continue
		}
		code := ""
		if typ != nil {
			code = typ.Code
		}
		if !m.Value.Is(fhir.Array) {
			l.value(m.Value, child, code)
			continue
		}
		for _, item := range m.Value.Members() {
			l.value(item.Value, child, code)
		}
	}
}

func (l *linker) value(e *fhir.Element, def *definition.Element, code string) {
	switch {
	case e.Is(fhir.String):
		l.text(e, code)
	case !e.Is(fhir.Object):
	case code == "Resource" || e.Get("resourceType") != nil:
		l.inResource(e)
	case code == "Reference":
		l.reference(e)
		l.inType(e, code)
	case len(def.Children) > 0 || def.Content != nil:
		l.inObject(e, def)
	default:
		l.inType(e, code)
	}
}

func (l *linker) text(e *fhir.Element, code string) {
	switch code {
	case "uri", "oid", "uuid":
		if to, rest, versioned := l.find(e.Text(), false); to != nil {
			l.add(e, rest, to, versioned)
		}
	case "url":
		if to, rest, versioned := l.find(e.Text(), true); to != nil {
			l.add(e, rest, to, versioned)
		}
	case "xhtml":
		l.narrative(e)
	}
}

func (l *linker) add(e *fhir.Element, rest string, to *target, versioned bool) {
	l.mentions = append(l.mentions, mention{in: e, entry: l.at, pieces: []string{"", rest}, targets: []*target{to}, versioned: versioned})
}

// versionSpecific marks a reference that shall name the version the transaction
// makes; the mark is taken away (FHIR extension of that name).
const versionSpecific = "http://hl7.org/fhir/StructureDefinition/resolve-as-version-specific"

func (l *linker) reference(e *fhir.Element) {
	text := e.Get("reference")
	if !text.Is(fhir.String) || strings.HasPrefix(text.Text(), "#") {
		return
	}
	to, rest, versioned := l.find(text.Text(), true)
	if to == nil {
		to = l.conditional(text.Text())
	}
	if to == nil {
		return
	}
	kept := fhir.NewArray()
	for _, extension := range e.Get("extension").Items() {
		if extension.Get("url").Text() == versionSpecific && extension.Get("valueBoolean").Text() == "true" {
			versioned = true
			continue
		}
		kept.Append(extension)
	}
	if kept.Len() < e.Get("extension").Len() {
		if kept.Len() == 0 {
			kept = nil
		}
		e.Set("extension", kept)
	}
	l.add(text, rest, to, versioned)
}

// find is the entry that a link means; rest is its fragment. A relative link is
// relative to the base of the entry's own fullUrl (R4 bundle §2.36.4.1).
func (l *linker) find(text string, relative bool) (to *target, rest string, versioned bool) {
	text, fragment, has := strings.Cut(text, "#")
	if has {
		rest = "#" + fragment
	}
	to = l.byURL[text]
	if to == nil && relative {
		if _, ok := fhir.ParseKey(text); ok {
			text = l.entryBase + "/" + text
			to = l.byURL[text]
		}
	}
	return to, rest, to != nil && strings.Contains(text, "/_history/")
}

// conditional is the target of a reference such as Patient?identifier=x (R4 http
// §3.1.0.11.3).
func (l *linker) conditional(text string) *target {
	typ, query, ok := strings.Cut(strings.TrimPrefix(text, l.base+"/"), "?")
	if !ok || !fhir.IsResourceType(typ) {
		return nil
	}
	name := typ + "?" + query
	if to := l.byQuery[name]; to != nil {
		return to
	}
	to, err := l.condition(typ, query)
	if err != nil {
		if l.err == nil {
			l.err = err
		}
		return nil
	}
	l.byQuery[name] = to
	return to
}

// address is an attribute of a narrative that holds a link.
var address = regexp.MustCompile(`\s(?:href|src)\s*=\s*(?:"([^"]*)"|'([^']*)')`)

// narrative finds the links in the href and src of a narrative.
func (l *linker) narrative(e *fhir.Element) {
	text := e.Text()
	found := mention{in: e, entry: l.at}
	from := 0
	for _, m := range address.FindAllStringSubmatchIndex(text, -1) {
		start, end := m[2], m[3]
		if start < 0 {
			start, end = m[4], m[5]
		}
		to, rest, _ := l.find(html.UnescapeString(text[start:end]), true)
		if to == nil {
			continue
		}
		found.pieces, found.targets = append(found.pieces, text[from:start]), append(found.targets, to)
		if from = end; rest != "" {
			from = start + strings.LastIndexByte(text[start:end], '#')
		}
	}
	if len(found.targets) > 0 {
		found.pieces = append(found.pieces, text[from:])
		l.mentions = append(l.mentions, found)
	}
}
