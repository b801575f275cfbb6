package rest

import (
	"encoding/base64"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"vitalwire/fhir"
	"vitalwire/server/interaction"
)

// binaryType is the resource that can also travel as its own content (R4 binary
// §2.37.4.1).
const binaryType = "Binary"

// securityContext is the header that stands for Binary.securityContext.
const securityContext = "X-Security-Context"

// readsBinary reports whether a request may be answered with raw content.
func readsBinary(r interaction.Request) bool {
	return r.Key.Type == binaryType && (r.Interaction == interaction.Read || r.Interaction == interaction.VRead)
}

// binaryBody reads what was sent as a Binary: the resource in a media type of
// FHIR, else content of its own. The general JSON and XML types are the resource
// when they hold one.
func (s *Server) binaryBody(r *http.Request, key fhir.Key) (*fhir.Resource, error) {
	given := r.Header.Get("Content-Type")
	media, _, err := mime.ParseMediaType(given)
	if err != nil || !strings.Contains(media, "/") {
		return nil, fhir.BadMedia("Content-Type %.100q is no media type; a Binary keeps the one it was sent with", given)
	}
	isXML, ofFHIR := mediaTypes[media]
	if ofFHIR && strings.Contains(media, "fhir") {
		return s.resource(r)
	}
	data, err := s.bytes(r)
	if err != nil {
		return nil, err
	}
	if ofFHIR {
		if resource, err := s.parse(data, isXML); err == nil && resource.Type() == binaryType {
			return resource, nil
		}
	}
	resource := fhir.NewResource(binaryType)
	root := resource.Root()
	if key.ID != "" {
		root.Set("id", fhir.NewString(key.ID))
	}
	root.Set("contentType", fhir.NewString(given))
	if context := r.Header.Get(securityContext); context != "" {
		root.Set("securityContext", fhir.NewObject(fhir.S("reference", context)))
	}
	if len(data) > 0 {
		root.Set("data", fhir.NewString(base64.StdEncoding.EncodeToString(data)))
	}
	return resource, nil
}

// answerBinary answers the read of a Binary: as its content unless the resource
// is asked for.
func (s *Server) answerBinary(w http.ResponseWriter, r *http.Request, response interaction.Response) error {
	root, err := fhir.ParseElement(response.Version.AppendJSON(nil))
	if err != nil {
		return err
	}
	media, _, err := mime.ParseMediaType(root.Get("contentType").Text())
	kind := root.Get("contentType").Text()
	if err != nil {
		media, kind = "application/octet-stream", "application/octet-stream"
	}
	f, err := negotiate(r.Header, queryOf(r.URL.RawQuery), media)
	if err != nil {
		return err
	}
	if context := root.Path("securityContext", "reference").Text(); context != "" && plainHeader(context) {
		w.Header().Set(securityContext, context)
	}
	if response.NotModified || !f.raw {
		s.answer(w, r, response, preference{}, f)
		return nil
	}
	data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(root.Get("data").Text()), ""))
	if err != nil {
		return fhir.Unprocessable("Binary.data", "the stored data is not base64; ask for the resource with _format=json")
	}
	s.versionHeaders(w.Header(), response)
	h := w.Header()
	h.Set("Content-Type", kind)
	// A browser must save it, never show or run it.
	h.Set("Content-Disposition", "attachment")
	h.Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(data)
	}
	return nil
}

// plainHeader reports whether text can stand in a header field.
func plainHeader(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}
