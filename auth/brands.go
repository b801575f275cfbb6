package auth

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"vitalwire/fhir"
)

// Brands is a bundle of user-access brands (SMART 2.2): the organizations that people
// know, and where their records are. Make it with ReadBrands.
type Brands struct {
	// Identifier is Organization.identifier of the one that this server is of; nil when
	// there is only one.
	Identifier map[string]string

	data []byte
	etag string
}

// ReadBrands reads a bundle as JSON. The identifier, as SYSTEM|VALUE, must be that of
// exactly one organization; "" will do for a bundle with one.
func ReadBrands(data []byte, identifier string) (*Brands, error) {
	r, err := fhir.ParseResource(data)
	if err != nil {
		return nil, err
	}
	root := r.Root()
	if r.Type() != "Bundle" || root.Get("type").Text() != "collection" || root.Get("timestamp").Text() == "" {
		return nil, errors.New("it must be a Bundle of type collection with a timestamp")
	}
	organizations, endpoints, matches := 0, 0, 0
	system, value, _ := strings.Cut(identifier, "|")
	for _, entry := range root.Get("entry").Items() {
		switch entry.Path("resource", "resourceType").Text() {
		case "Organization":
			organizations++
			for _, id := range entry.Path("resource", "identifier").Items() {
				if id.Get("system").Text() == system && id.Get("value").Text() == value {
					matches++
				}
			}
		case "Endpoint":
			endpoints++
		}
	}
	switch {
	case organizations == 0 || endpoints == 0:
		return nil, errors.New("it must have an Organization and an Endpoint")
	case identifier == "" && organizations > 1:
		return nil, errors.New("it has several organizations, so the identifier of the one that this server is of must be given")
	case identifier != "" && (value == "" || matches != 1):
		return nil, fmt.Errorf("%d organizations have the identifier %s; one must", matches, identifier)
	}
	b := &Brands{data: root.AppendJSON(nil)}
	b.etag = `W/"` + hashed(string(b.data))[:16] + `"`
	if identifier != "" {
		b.Identifier = map[string]string{"system": system, "value": value}
	}
	return b, nil
}

// brands answers the bundle to pages of any origin.
func (a *Authority) brands(w http.ResponseWriter, r *http.Request) {
	if !a.serves(w, r, http.MethodGet, http.MethodHead) {
		return
	}
	w.Header().Set("ETag", a.Brands.etag)
	for given := range strings.SplitSeq(r.Header.Get("If-None-Match"), ",") {
		if given = strings.TrimSpace(given); given == a.Brands.etag || given == strings.TrimPrefix(a.Brands.etag, "W/") || given == "*" {
			w.Header().Set("Cache-Control", "public, max-age=300")
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	a.answerBytes(w, http.StatusOK, "application/fhir+json", "public, max-age=300", a.Brands.data)
}
