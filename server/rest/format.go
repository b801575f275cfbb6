package rest

import (
	"mime"
	"net/http"
	"strconv"
	"strings"

	"vitalwire/fhir"
)

// fhirJSON is what we write (R4 http §3.1.0.1.10).
const fhirJSON = "application/fhir+json; charset=utf-8"

// jsonTypes are the media types taken as FHIR JSON.
var jsonTypes = map[string]bool{
	"application/fhir+json": true, "application/json": true, "text/json": true,
	"application/json+fhir": true, // of DSTU2 clients
	"json":                  true, // _format only
}

// negotiate reads _format, else Accept (R4 http §3.1.0.1.10, §3.1.0.1.11), and
// whether the client wants indented JSON (_pretty).
func negotiate(r *http.Request) (pretty bool, err error) {
	query := r.URL.Query()
	pretty = query.Get("_pretty") == "true"
	if format := query.Get("_format"); format != "" {
		// A '+' that was not escaped arrives as a blank.
		media, params, err := mime.ParseMediaType(strings.Replace(format, " ", "+", 1))
		if err != nil || !jsonTypes[media] || !versionFits(params) {
			return pretty, fhir.NotAcceptable("_format %q is not written; json is", format)
		}
		return pretty, nil
	}
	accept := strings.Join(r.Header.Values("Accept"), ",")
	if strings.TrimSpace(accept) == "" {
		return pretty, nil
	}
	for choice := range strings.SplitSeq(accept, ",") {
		media, params, err := mime.ParseMediaType(choice)
		if err != nil {
			continue
		}
		if q, err := strconv.ParseFloat(params["q"], 64); params["q"] != "" && (err != nil || q <= 0) {
			continue
		}
		if (jsonTypes[media] || media == "*/*" || media == "application/*" || media == "text/*") && versionFits(params) {
			return pretty, nil
		}
	}
	return pretty, fhir.NotAcceptable("none of the media types in Accept is written; application/fhir+json with fhirVersion=4.0 is")
}

// versionFits checks the fhirVersion parameter (R4 http §3.1.0.1.14).
func versionFits(params map[string]string) bool {
	v, given := params["fhirversion"]
	return !given || v == "4.0" || v == "4.0.1"
}

// checkContentType demands FHIR JSON in UTF-8.
func checkContentType(r *http.Request) error {
	given := r.Header.Get("Content-Type")
	media, params, err := mime.ParseMediaType(given)
	if err != nil || !jsonTypes[media] || !versionFits(params) {
		return fhir.BadMedia("Content-Type %q is not read; application/fhir+json with fhirVersion=4.0 is", given)
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return fhir.BadMedia("charset %q is not read; utf-8 is", charset)
	}
	return nil
}

// preference is what the Prefer header asks for (R4 http §3.1.0.1.8, §3.1.1.3).
type preference struct {
	minimal, outcome, lenient bool
}

func readPrefer(r *http.Request) (p preference) {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Prefer"), ","), ",") {
		for token := range strings.SplitSeq(part, ";") {
			switch strings.ReplaceAll(strings.TrimSpace(token), " ", "") {
			case "return=minimal":
				p.minimal = true
			case "return=OperationOutcome":
				p.outcome = true
			case "handling=lenient":
				p.lenient = true
			}
		}
	}
	return p
}
