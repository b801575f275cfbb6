package rest

import (
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/patch"
	"vitalwire/fhir/xml"
	"vitalwire/server/interaction"
)

// format is how an answer is written.
type format struct {
	xml, pretty bool
	// raw is a Binary as its own content (R4 binary §2.37.4.1).
	raw bool
}

// mediaTypes are those read, and what they are: true for XML (R4 http
// §3.1.0.1.10). Those with "+" turned around are of DSTU2 clients.
var mediaTypes = map[string]bool{
	"application/fhir+json": false, "application/json": false, "text/json": false, "application/json+fhir": false,
	"application/fhir+xml": true, "application/xml": true, "text/xml": true, "application/xml+fhir": true,
}

// shortNames are of _format only.
var shortNames = map[string]bool{"json": false, "xml": true}

// negotiate reads _format, else Accept (R4 http §3.1.0.1.10, §3.1.0.1.11), and
// _pretty. rawType is the content type of a Binary that can be written as it is,
// "" when there is none.
func negotiate(header http.Header, query url.Values, rawType string) (f format, err error) {
	switch pretty := query.Get("_pretty"); pretty {
	case "", "false":
	case "true":
		f.pretty = true
	default:
		return f, fhir.BadSearch("_pretty is true or false").WithCode(fhir.CodeValue)
	}
	if given := query.Get("_format"); given != "" {
		// A '+' that was not escaped arrives as a blank.
		name, rest, _ := strings.Cut(given, ";")
		media, params, err := mime.ParseMediaType(strings.Replace(name, " ", "+", 1) + ";" + rest)
		isXML, ok := mediaTypes[media]
		if short, isShort := shortNames[media]; isShort {
			isXML, ok = short, true
		}
		if err != nil || !ok || !versionFits(params) {
			return f, fhir.NotAcceptable("_format %.100q is not written; json and xml are", given)
		}
		f.xml = isXML
		return f, nil
	}
	accept := strings.Join(header.Values("Accept"), ",")
	if strings.TrimSpace(accept) == "" {
		f.raw = rawType != ""
		return f, nil
	}
	ranges := mediaRanges(accept)
	// In the order in which they are taken when they are as welcome.
	best := weight{}
	if rawType != "" {
		if w := welcome(ranges, func(media string) bool { return media == rawType }, rawType); w.before(best) {
			best, f.raw = w, true
		}
	}
	for _, isXML := range []bool{false, true} {
		ofFormat := func(media string) bool { x, ok := mediaTypes[media]; return ok && x == isXML }
		if w := welcome(ranges, ofFormat, "application/", "text/"); w.before(best) {
			best, f.raw, f.xml = w, false, isXML
		}
	}
	if best.q == 0 {
		return f, fhir.NotAcceptable("none of the media types in Accept is written; application/fhir+json and application/fhir+xml with fhirVersion=4.0 are")
	}
	return f, nil
}

// mediaRange is one choice of an Accept header (RFC 9110 §12.5.1).
type mediaRange struct {
	media string // "*/*", "type/*" or a media type
	q     float64
	place int
}

func mediaRanges(accept string) (ranges []mediaRange) {
	for i, choice := range commaList(accept) {
		media, params, err := mime.ParseMediaType(choice)
		if err != nil || !versionFits(params) {
			continue
		}
		q := 1.0
		if text, given := params["q"]; given {
			q = quality(";q=" + text)
		}
		ranges = append(ranges, mediaRange{media, q, i})
	}
	return ranges
}

// weight is how welcome a format is: by q, then by how exactly it was named, then
// by its place in the list.
type weight struct {
	q     float64
	exact int
	place int
}

func (w weight) before(o weight) bool {
	switch {
	case w.q != o.q:
		return w.q > o.q
	case w.exact != o.exact:
		return w.exact > o.exact
	}
	return w.exact == 2 && w.place < o.place
}

// welcome finds the most exact range for a format (RFC 9110 §12.5.1); of several
// names of the format the most wished for. families are the beginnings of its
// names.
func welcome(ranges []mediaRange, is func(media string) bool, families ...string) weight {
	found := weight{}
	for _, r := range ranges {
		exact := 0
		switch family, isFamily := strings.CutSuffix(r.media, "*"); {
		case is(r.media):
			exact = 2
		case r.media == "*/*":
		case isFamily && slices.ContainsFunc(families, func(name string) bool { return strings.HasPrefix(name, family) }):
			exact = 1
		default:
			continue
		}
		w := weight{r.q, exact, r.place}
		if exact > found.exact || exact == found.exact && w.q > found.q {
			found = w
		}
	}
	return found
}

// versionFits checks the fhirVersion parameter (R4 http §3.1.0.1.14).
func versionFits(params map[string]string) bool {
	v, given := params["fhirversion"]
	return !given || v == "4.0" || v == "4.0.1"
}

// contentType demands FHIR in UTF-8 and tells whether it is XML.
func contentType(r *http.Request) (isXML bool, err error) {
	given := r.Header.Get("Content-Type")
	media, params, err := mime.ParseMediaType(given)
	isXML, ok := mediaTypes[media]
	if err != nil || !ok || !versionFits(params) {
		return false, fhir.BadMedia("Content-Type %q is not read; application/fhir+json and application/fhir+xml with fhirVersion=4.0 are", given)
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return false, fhir.BadMedia("charset %q is not read; utf-8 is", charset)
	}
	return isXML, nil
}

// resource reads a body as a resource.
func (s *Server) resource(r *http.Request) (*fhir.Resource, error) {
	isXML, err := contentType(r)
	if err != nil {
		return nil, err
	}
	data, err := s.bytes(r)
	if err != nil {
		return nil, err
	}
	return s.parse(data, isXML)
}

// parse reads a resource within the limits.
func (s *Server) parse(data []byte, isXML bool) (*fhir.Resource, error) {
	var resource *fhir.Resource
	var err error
	if isXML {
		resource, err = xml.Parse(data, s.Knowledge.Set())
	} else {
		resource, err = fhir.ParseResource(data)
	}
	if err != nil {
		return nil, err
	}
	return resource, s.Limits.depth(resource.Root())
}

// patch reads the body of a PATCH: JSON Patch, or FHIRPath Patch as Parameters
// (R4 http §3.1.0.7). The media type tells which.
func (s *Server) patch(r *http.Request) (patch.Patch, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && media == interaction.JSONPatchType {
		data, err := s.bytes(r)
		if err != nil {
			return nil, err
		}
		return patch.ParseJSON(data)
	}
	if _, err := contentType(r); err != nil {
		return nil, fhir.BadMedia("Content-Type %q is no patch that is read; %s is, and application/fhir+json or application/fhir+xml with Parameters",
			r.Header.Get("Content-Type"), interaction.JSONPatchType)
	}
	parameters, err := s.resource(r)
	if err != nil {
		return nil, err
	}
	return s.Engine.FHIRPathPatch(parameters)
}

// element reads a body that an operation will judge: any JSON value, or XML that
// is a resource.
func (s *Server) element(r *http.Request) (*fhir.Element, error) {
	isXML, err := contentType(r)
	if err != nil {
		return nil, err
	}
	data, err := s.bytes(r)
	if err != nil {
		return nil, err
	}
	if isXML {
		resource, err := s.parse(data, true)
		if err != nil {
			return nil, err
		}
		return resource.Root(), nil
	}
	element, err := fhir.ParseElement(data)
	if err != nil {
		return nil, err
	}
	return element, s.Limits.depth(element)
}

// encode turns JSON into the format asked for.
func (s *Server) encode(body []byte, f format) (data []byte, media string, err error) {
	switch {
	case f.xml:
		resource, err := fhir.ParseResource(body)
		if err != nil {
			return nil, "", err
		}
		if f.pretty {
			data, err = xml.AppendIndented(nil, resource, s.Knowledge.Set())
		} else {
			data, err = xml.Append(nil, resource, s.Knowledge.Set())
		}
		return data, "application/fhir+xml; charset=utf-8", err
	case f.pretty:
		element, err := fhir.ParseElement(body)
		if err != nil {
			return nil, "", err
		}
		body = append(element.AppendIndented(nil, ""), '\n')
	}
	return body, "application/fhir+json; charset=utf-8", nil
}
