package rest

import (
	"mime"
	"net/http"
	"strconv"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/patch"
	"vitalwire/fhir/xml"
	"vitalwire/server/interaction"
)

// format is how an answer is written.
type format struct {
	xml, pretty bool
}

// mediaTypes are those read, and what they are: true for XML (R4 http
// §3.1.0.1.10). The short names are of _format only; the others with "+" turned
// around are of DSTU2 clients.
var mediaTypes = map[string]bool{
	"application/fhir+json": false, "application/json": false, "text/json": false, "application/json+fhir": false,
	"application/fhir+xml": true, "application/xml": true, "text/xml": true, "application/xml+fhir": true,
}

var shortNames = map[string]bool{"json": false, "xml": true}

// negotiate reads _format, else Accept (R4 http §3.1.0.1.10, §3.1.0.1.11), and
// _pretty.
func negotiate(r *http.Request) (format, error) {
	query := r.URL.Query()
	f := format{pretty: query.Get("_pretty") == "true"}
	if given := query.Get("_format"); given != "" {
		// A '+' that was not escaped arrives as a blank.
		media, params, err := mime.ParseMediaType(strings.Replace(given, " ", "+", 1))
		isXML, ok := mediaTypes[media]
		if short, isShort := shortNames[media]; isShort {
			isXML, ok = short, true
		}
		if err != nil || !ok || !versionFits(params) {
			return f, fhir.NotAcceptable("_format %q is not written; json and xml are", given)
		}
		f.xml = isXML
		return f, nil
	}
	accept := strings.Join(r.Header.Values("Accept"), ",")
	if strings.TrimSpace(accept) == "" {
		return f, nil
	}
	best := 0.0
	for choice := range strings.SplitSeq(accept, ",") {
		media, params, err := mime.ParseMediaType(choice)
		if err != nil || !versionFits(params) {
			continue
		}
		q := 1.0
		if text := params["q"]; text != "" {
			if q, err = strconv.ParseFloat(text, 64); err != nil {
				continue
			}
		}
		isXML, ok := mediaTypes[media]
		if media == "*/*" || media == "application/*" || media == "text/*" {
			isXML, ok = false, true
			q -= 0.0001 // a range yields to a type that is named as gladly
		}
		if ok && q > best {
			best, f.xml = q, isXML
		}
	}
	if best == 0 {
		return f, fhir.NotAcceptable("none of the media types in Accept is written; application/fhir+json and application/fhir+xml with fhirVersion=4.0 are")
	}
	return f, nil
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
	if isXML {
		return xml.Parse(data, s.Knowledge.Set())
	}
	return fhir.ParseResource(data)
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
	if !isXML {
		return fhir.ParseElement(data)
	}
	resource, err := xml.Parse(data, s.Knowledge.Set())
	if err != nil {
		return nil, err
	}
	return resource.Root(), nil
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

// preference is what the Prefer header asks for (R4 http §3.1.0.1.8, §3.1.1.3).
type preference struct {
	minimal, representation, outcome, lenient bool
}

func readPrefer(r *http.Request) (p preference) {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Prefer"), ","), ",") {
		for token := range strings.SplitSeq(part, ";") {
			switch strings.ReplaceAll(strings.TrimSpace(token), " ", "") {
			case "return=minimal":
				p.minimal = true
			case "return=representation":
				p.representation = true
			case "return=OperationOutcome":
				p.outcome = true
			case "handling=lenient":
				p.lenient = true
			}
		}
	}
	return p
}
