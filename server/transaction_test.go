package server_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"vitalwire/fhir"
	"vitalwire/internal/shared"
)

// postBundle sends a bundle to the base and gives the answer's entries.
func postBundle(t *testing.T, base string, bundle []byte) []*fhir.Element {
	t.Helper()
	resource, err := send(t, http.MethodPost, base, bundle)
	if err != nil {
		t.Fatal(err)
	}
	return resource.Get("entry").Items()
}

func send(t *testing.T, method, url string, body []byte) (*fhir.Resource, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/fhir+json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, errors.New(response.Status + ": " + string(data[:min(len(data), 2000)]))
	}
	return fhir.ParseResource(data)
}

// total counts the resources of a type.
func total(t *testing.T, base, query string) int {
	t.Helper()
	found, err := send(t, http.MethodGet, base+"/"+query+"&_total=accurate&_count=0", nil)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(found.Get("total").Text())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The upload bundle of the PHD guide, posted by two gateways at once. The guide's
// example gives no condition for its Observations; a gateway that wants each once
// sends its identifier (PHD guide, conditional create), as here. Its Patient asks
// for an identifier other than the one it has, so we ask for the one it has.
func TestTransaction_PHDUploadsAtOnce(t *testing.T) {
	upload, err := fhir.ParseResource(shared.Read(t, "vectors", "fhir-phd-ig", "bundle-example-1.json"))
	if err != nil {
		t.Fatal(err)
	}
	for i, entry := range upload.Get("entry").Items() {
		resource := entry.Get("resource")
		identifier := resource.Path("identifier")
		if identifier == nil {
			identifier = fhir.NewArray(fhir.NewObject(fhir.S("system", "urn:example:gateway"), fhir.S("value", strconv.Itoa(i))))
			resource.Set("identifier", identifier)
		}
		first := identifier.At(0)
		entry.Get("request").Set("ifNoneExist", fhir.NewString("identifier="+first.Get("system").Text()+"|"+first.Get("value").Text()))
	}
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			base := start(t, open(t)).Base
			var gateways sync.WaitGroup
			for range 4 {
				gateways.Go(func() {
					if _, err := send(t, http.MethodPost, base, upload.JSON()); err != nil {
						t.Error(err)
					}
				})
			}
			gateways.Wait()
			for typ, want := range map[string]int{"Patient": 1, "Device": 2, "Observation": 3} {
				if n := total(t, base, typ+"?"); n != want {
					t.Errorf("%d %s, want %d", n, typ, want)
				}
			}
			found, err := send(t, http.MethodGet, base+"/Observation?_count=50", nil)
			if err != nil {
				t.Fatal(err)
			}
			if text := string(found.JSON()); strings.Contains(text, "urn:uuid:") {
				t.Errorf("a link was not replaced: %s", text)
			}
		})
	}
}
