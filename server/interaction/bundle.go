package interaction

import (
	"net/url"
	"strings"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
)

// Page sizes of searches and histories.
const (
	defaultCount = 20
	maxCount     = 1000
)

// cursorParameter carries the sealed cursor in next links.
const cursorParameter = "_cursor"

func newBundle(typ string) *fhir.Element {
	return fhir.NewObject(fhir.S("resourceType", "Bundle"), fhir.S("type", typ),
		fhir.S("timestamp", fhir.FormatInstant(time.Now())))
}

func bundleResponse(b *fhir.Element) (Response, error) {
	resource, err := fhir.AsResource(b)
	return Response{Resource: resource}, err
}

func link(relation, url string) *fhir.Element {
	return fhir.NewObject(fhir.S("relation", relation), fhir.S("url", url))
}

// takeCursor takes the cursor parameter out of a raw query.
func takeCursor(query string) (rest, sealed string) {
	var kept []string
	for pair := range strings.SplitSeq(query, "&") {
		if value, ok := strings.CutPrefix(pair, cursorParameter+"="); ok {
			sealed = value
		} else if pair != "" {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&"), sealed
}

// encode writes the applied parameters as a query with '?'.
func encode(applied []search.Applied) string {
	var b strings.Builder
	for i, a := range applied {
		b.WriteByte("?&"[min(i, 1)])
		b.WriteString(url.QueryEscape(a.Name) + "=" + url.QueryEscape(a.Value))
	}
	return b.String()
}

func selfWith(self, sealed string) string {
	if sealed == "" {
		return self
	}
	if strings.Contains(self, "?") {
		return self + "&" + cursorParameter + "=" + sealed
	}
	return self + "?" + cursorParameter + "=" + sealed
}
