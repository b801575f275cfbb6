package server_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"vitalwire/server"
)

// document is what the tests read of /openapi.json.
type document struct {
	OpenAPI string                                `json:"openapi"`
	Paths   map[string]map[string]json.RawMessage `json:"paths"`
}

func openAPI(t testing.TB, s *server.Server) (d document) {
	t.Helper()
	status, header, body := ask(t, plain, "GET", s.Root+"/openapi.json", nil)
	if status != 200 || header.Get("Content-Type") != "application/json" {
		t.Fatal(status, header)
	}
	if err := json.Unmarshal(body, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// The document is valid by the schema that the OpenAPI Initiative publishes.
func TestOpenAPI_Valid(t *testing.T) {
	s := startWith(t, server.Config{}, nil)
	t.Log(strings.TrimSpace(node(t, "OPENAPI_URL="+s.Root+"/openapi.json", "openapi.js")))
}

// Whatever the document lists is served, and what it does not list is not: each
// path and method is tried, those that are not in it answer 404 or 405.
func TestOpenAPI_IsWhatIsServed(t *testing.T) {
	s := startWith(t, server.Config{}, nil)
	d := openAPI(t, s)
	ids := map[string]bool{}
	fill := strings.NewReplacer("{id}", "nosuch", "{vid}", "1", "{compartment}", "Patient", "{adapter}", "blegatt")
	tried := 0
	for path, item := range d.Paths {
		root := s.Base
		if item["servers"] != nil {
			root = s.Root
		}
		for method, operation := range item {
			if method == "servers" {
				continue
			}
			var o struct {
				OperationID string                     `json:"operationId"`
				Responses   map[string]json.RawMessage `json:"responses"`
			}
			if err := json.Unmarshal(operation, &o); err != nil || o.OperationID == "" || ids[o.OperationID] {
				t.Errorf("%s %s: operationId %q is empty or not unique, %v", method, path, o.OperationID, err)
			}
			ids[o.OperationID] = true
		}
		// All of one type's paths, and those of none: the other types are routed alike.
		if first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/"); first != "Observation" && first != "Patient" && strings.ToUpper(first[:min(1, len(first))]) == first[:min(1, len(first))] && first != "" && first[0] != '_' && first[0] != '$' {
			continue
		}
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			url := root + fill.Replace(path)
			if path == "/" {
				url = root
			}
			status, _, body := ask(t, plain, method, url, []byte("{}"), "Content-Type: application/fhir+json")
			tried++
			listed := item[strings.ToLower(method)] != nil
			refused := status == http.StatusMethodNotAllowed || status == http.StatusNotFound && strings.Contains(string(body), "not-supported")
			if conditional := slices.Contains([]string{"PUT", "PATCH", "DELETE"}, method) && !strings.Contains(path, "{id}"); listed == refused && !conditional || status >= 500 && status != 503 {
				t.Errorf("%s %s: listed %v, answered %d %.200s", method, url, listed, status, body)
			}
		}
	}
	t.Logf("%d paths, %d operations, %d requests", len(d.Paths), len(ids), tried)
	if len(d.Paths) < 1000 || tried < 100 {
		t.Error("that is too few")
	}
}
