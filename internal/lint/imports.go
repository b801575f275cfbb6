package lint

import (
	"strconv"
	"strings"
)

// zones are the folders that each top-level folder may import besides itself.
// From left to right: main, server, {auth, adapters}, profiles, fhir.
var zones = map[string][]string{
	".":        {"server", "auth", "adapters", "profiles", "fhir", "examples"},
	"server":   {"auth", "adapters", "profiles", "fhir"},
	"auth":     {"profiles", "fhir"},
	"adapters": {"profiles", "fhir"},
	"profiles": {"fhir"},
	"fhir":     {},
	"examples": {"server", "auth", "adapters", "profiles", "fhir"},
}

// testZones are what the tests of a folder may import beyond that; every test
// may import internal.
var testZones = map[string][]string{
	"fhir": {"profiles"}, // which are handed in, in the product as in the tests
}

// inServer are the packages below server that each of them may import. A new
// package gets a line here.
var inServer = map[string][]string{
	"server/rest":              {"server/audit", "server/interaction", "server/operation", "server/ingest", "server/job", "server/knowledge", "server/telemetry", "server/templates"},
	"server/job":               {"server/store"},
	"server/telemetry":         {},
	"server/templates":         {},
	"server/hl7query":          {"server/interaction"},
	"server/ingest":            {"server/interaction", "server/store"},
	"server/ingest/drop":       {"server/ingest"},
	"server/ingest/mllp":       {"server/ingest"},
	"server/ingest/mqtt":       {"server/ingest"},
	"server/ingest/phdtcp":     {"server/ingest"},
	"server/operation":         {"server/consents", "server/audit", "server/guard", "server/indexing", "server/interaction", "server/knowledge", "server/store", "server/query", "server/operation/graphql"},
	"server/operation/graphql": {},
	"server/knowledge":         {"server/store"},
	"server/indexing":          {"server/store"},
	"server/interaction":       {"server/audit", "server/consents", "server/guard", "server/query", "server/shape", "server/store", "server/telemetry"},
	"server/audit":             {"server/store", "server/telemetry"},
	"server/guard":             {"server/consents", "server/store"},
	"server/consents":          {"server/store"},
	"server/query":             {"server/store"},
	"server/shape":             {},
	"server/store":             {},
	"server/store/body":        {},
	"server/store/body/train":  {},
	"server/store/relational":  {"server/store", "server/store/body", "server/telemetry"},
	"server/store/sqlite":      {"server/store", "server/store/relational"},
	"server/store/postgres":    {"server/store", "server/store/relational"},
}

// imports checks what a file imports: the direction inside this module, and
// that a foreign module is known and stands where it belongs.
func imports(f *file) []finding {
	var found []finding
	for _, spec := range f.syntax.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			found = append(found, f.at(spec.Pos(), "import %s: %v", spec.Path.Value, err))
			continue
		}
		fault := ""
		first, rest, _ := strings.Cut(name, "/")
		switch {
		case name == module:
			fault = "nothing imports the main package"
		case first == module:
			fault = direction(f, rest)
		case name == "C":
			fault = "there is no cgo here"
		case strings.Contains(first, "."):
			if fault = foreign(f.dir, name); fault == "" && !f.isTest {
				if d, _ := dependencyOf(name); d.tests {
					fault = "only tests import it"
				}
			}
		}
		if fault != "" {
			found = append(found, f.at(spec.Pos(), "import %s: %s", name, fault))
		}
	}
	return found
}

// direction says what is wrong with a file importing a folder of this module.
func direction(f *file, to string) string {
	from, target := zone(f.dir), zone(to)
	testing := f.isTest || forTests(f.dir)
	switch {
	case forTests(to) && !testing:
		return "only tests import it"
	case target == "internal" || from == "internal":
		return ""
	case from == target:
		if from == "server" && !testing {
			return serverDirection(f.dir, to)
		}
		return ""
	}
	allowed, ok := zones[from]
	if !ok {
		return from + " is no top-level folder of the design (docs/adr/0001)"
	}
	if testing {
		allowed = append(append([]string{}, allowed...), testZones[from]...)
	}
	for _, z := range allowed {
		if z == target {
			return ""
		}
	}
	return from + " does not import " + target + " (docs/adr/0001)"
}

// serverDirection says what is wrong with one package of server importing another.
func serverDirection(from, to string) string {
	if from == "server" {
		return ""
	}
	if to == "server" {
		return "server ties its parts together; they do not know it"
	}
	allowed, ok := inServer[from]
	if !ok {
		return from + " has no line in inServer (internal/lint) yet"
	}
	for _, dir := range allowed {
		if dir == to {
			return ""
		}
	}
	return from + " does not import " + to + " (inServer in internal/lint)"
}
