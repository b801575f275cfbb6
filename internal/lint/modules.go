package lint

import (
	"fmt"
	"strings"
)

// dependency is a module of others that is used directly.
type dependency struct {
	path    string
	version string   // the only version that will do, if there is one
	dirs    []string // where it may be imported
	fixed   bool     // prescribed, so it does not count as our choice
	tests   bool     // only tests import it, so no part of the program
	family  string   // modules of one project are one choice
	reason  string
}

// choices is how many were chosen, a family counting once.
func choices(list []dependency) int {
	n, families := 0, map[string]bool{}
	for _, d := range list {
		if d.fixed || d.tests || families[d.family] {
			continue
		}
		n++
		families[d.family] = d.family != ""
	}
	return n
}

// mostChosen is how many modules may be chosen beside the prescribed ones.
const mostChosen = 10

// dependencies is every module that may be used directly. A new one gets a line
// here and one in docs/adr/, which says what else was looked at.
var dependencies = []dependency{
	{path: "github.com/labstack/echo/v4", dirs: []string{"server/rest"}, fixed: true, reason: "HTTP routing and middleware; a thin layer, so that v5 is a small step"},
	{path: "github.com/lib/pq", dirs: []string{"server/store/postgres"}, fixed: true, reason: "PostgreSQL"},
	{path: "github.com/golang-jwt/jwt/v5", dirs: []string{"auth"}, fixed: true, reason: "token signatures"},
	{path: "golang.org/x/crypto", family: "golang.org/x", dirs: []string{"auth", "server"}, reason: "argon2id for passwords, and ACME; the standard library lacks both"},
	{path: "github.com/google/fhir/go", version: "v0.7.4", dirs: []string{"fhir/proto"}, fixed: true, reason: "protobuf form and second opinion; only this version resolves"},
	{path: "google.golang.org/protobuf", dirs: []string{"fhir/proto", "server/telemetry"}, fixed: true, reason: "the messages of google/fhir/go and of OTLP are of it"},
	{path: "github.com/samply/golang-fhir-models/fhir-models", version: "v0.3.2", dirs: []string{"adapters/mapping", "examples"}, fixed: true, reason: "building outgoing resources; only this version resolves, and it loses data when it reads"},
	{path: "modernc.org/sqlite", version: "v1.60.1", dirs: []string{"server/store/sqlite"}, reason: "the embedded store, without cgo; a later version breaks go mod tidy"},
	{path: "github.com/klauspost/compress", dirs: []string{"server"}, reason: "zstd with a trained dictionary for stored bodies; gzip and zstd on the wire"},
	{path: "github.com/andybalholm/brotli", dirs: []string{"server"}, reason: "br on the wire, which the standard library lacks"},
	{path: "github.com/prometheus/client_golang", dirs: []string{"server/telemetry"}, reason: "metrics in the format that every operator scrapes"},
	{path: "go.opentelemetry.io/otel/exporters/otlp/otlptrace", dirs: []string{"server/telemetry"}, family: "OpenTelemetry", reason: "spans as messages of OTLP, without gRPC"},
	{path: "go.opentelemetry.io/proto/otlp", dirs: []string{"server/telemetry"}, family: "OpenTelemetry", reason: "the messages of OTLP"},
	{path: "go.opentelemetry.io/otel/sdk", dirs: []string{"server/telemetry"}, family: "OpenTelemetry", reason: "sampling, batches and bounds of spans"},
	{path: "go.opentelemetry.io/otel/trace", dirs: []string{"server/telemetry"}, family: "OpenTelemetry", reason: "spans"},
	{path: "go.opentelemetry.io/otel", dirs: []string{"server/telemetry"}, family: "OpenTelemetry", reason: "attributes of spans, W3C Trace Context"},
	{path: "github.com/alecthomas/kong", dirs: []string{"server"}, reason: "flags, commands and environment variables with one help text"},
	{path: "github.com/google/uuid", dirs: []string{"server"}, reason: "logical ids and request ids"},
	{path: "github.com/coreos/go-oidc/v3", dirs: []string{"auth"}, fixed: true, reason: "login at an OpenID provider"},
	{path: "golang.org/x/oauth2", dirs: []string{"auth"}, fixed: true, reason: "what go-oidc exchanges codes with"},
	{path: "github.com/mochi-mqtt/server/v2", dirs: []string{"server/ingest/mqtt"}, fixed: true, reason: "the MQTT broker: 3.1.1 and 5, and a hook that runs before the acknowledgement"},
	{path: "github.com/eclipse/paho.mqtt.golang", dirs: []string{"server"}, fixed: true, reason: "the client of an MQTT broker outside, with acknowledgements by hand"},
	{path: "golang.org/x/time", family: "golang.org/x", dirs: []string{"auth"}, reason: "how often callers may ask; echo brings it anyway"},
	{path: "golang.org/x/net", dirs: []string{"auth", "server"}, tests: true, reason: "reads the HTML of the pages as a browser does, to check it"},
	{path: "github.com/anishathalye/porcupine", dirs: []string{"server"}, tests: true, reason: "checks histories for linearizability"},
	{path: "github.com/vektah/gqlparser/v2", dirs: []string{"server/operation/graphql"}, reason: "reading GraphQL documents; its parser only, no schema"},
	{path: "github.com/agnivade/levenshtein", dirs: []string{"server"}, reason: "did-you-mean for a mistyped setting or resource type"},
}

// dependencyOf finds the line for an imported package or a module.
func dependencyOf(name string) (dependency, bool) {
	for _, d := range dependencies {
		if within(name, d.path) {
			return d, true
		}
	}
	return dependency{}, false
}

// foreign says what is wrong with a folder importing a package of others.
func foreign(dir, name string) string {
	d, ok := dependencyOf(name)
	if !ok {
		return "it needs an ADR line, and one in dependencies (internal/lint)"
	}
	for _, parent := range d.dirs {
		if within(dir, parent) {
			return ""
		}
	}
	return "only " + strings.Join(d.dirs, " and ") + " may import it"
}

// goMod checks the direct requirements of a go.mod; adr is the text of the ADRs.
func goMod(text, adr string) []finding {
	var found []finding
	report := func(n int, format string, args ...any) {
		found = append(found, finding(fmt.Sprintf("go.mod:%d: %s", n, fmt.Sprintf(format, args...))))
	}
	block := ""
	var direct []dependency
	n := 0
	for line := range strings.Lines(text) {
		n++
		line, comment, _ := strings.Cut(strings.TrimSpace(line), "//")
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
			continue
		case len(words) == 2 && words[1] == "(":
			block = words[0]
			continue
		case words[0] == ")":
			block = ""
			continue
		case block != "":
			words = append([]string{block}, words...)
		}
		if words[0] == "replace" || words[0] == "exclude" {
			report(n, "%s hides what is really built", words[0])
		}
		if words[0] != "require" || len(words) != 3 {
			continue
		}
		d, ok := dependencyOf(words[1])
		if ok && d.path == words[1] && d.version != "" && d.version != words[2] {
			report(n, "%s stays at %s: %s", d.path, d.version, d.reason)
		}
		if strings.TrimSpace(comment) == "indirect" {
			continue
		}
		if !ok || d.path != words[1] {
			report(n, "%s needs an ADR line, and one in dependencies (internal/lint)", words[1])
			continue
		}
		if !strings.Contains(adr, d.path) {
			report(n, "%s needs an ADR line: docs/adr does not name it", d.path)
		}
		direct = append(direct, d)
	}
	if chosen := choices(direct); chosen > mostChosen {
		report(1, "%d modules are chosen beside the prescribed ones; %d are enough", chosen, mostChosen)
	}
	return found
}
