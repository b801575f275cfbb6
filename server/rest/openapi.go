package rest

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"vitalwire/fhir"
	"vitalwire/server/interaction"
)

// object is a JSON object of the document.
type object = map[string]any

func ref(kind, name string) object { return object{"$ref": "#/components/" + kind + "/" + name} }

// openAPI answers /openapi.json (OpenAPI 3.1.0): every interaction, operation and
// other route that is served, asked of the tables that route.
func (s *Server) openAPI(c echo.Context) error {
	s.document.once.Do(func() { s.document.json, s.document.err = json.Marshal(s.describe()) })
	if s.document.err != nil {
		return s.document.err
	}
	return c.Blob(http.StatusOK, "application/json", s.document.json)
}

func (s *Server) describe() object {
	paths := object{}
	add := func(path, method string, operation object) {
		item, ok := paths[path].(object)
		if !ok {
			item = object{}
			paths[path] = item
		}
		item[strings.ToLower(method)] = operation
	}
	for _, typ := range append([]string{""}, fhir.ResourceTypes()...) {
		if typ != "" && !interaction.Served(typ) {
			continue
		}
		for _, p := range interaction.Places(typ) {
			path := "/" + strings.ReplaceAll(p.Path, "{type}", typ)
			if !strings.HasSuffix(path, "/*") && !(p.Query && hasMethod(paths, path, p.Method)) {
				add(path, p.Method, s.interactionObject(typ, p))
			}
		}
		for _, level := range []string{"", "/{id}"} {
			if typ == "" && level != "" {
				continue
			}
			for _, code := range s.Operations.Codes() {
				probe := strings.TrimPrefix(typ+strings.ReplaceAll(level, "{id}", "x")+"/$"+code, "/")
				for _, method := range s.Operations.Allow(probe) {
					if method != http.MethodHead {
						add(strings.TrimSuffix("/"+typ, "/")+level+"/$"+code, method, operationObject(typ, level, code, method))
					}
				}
			}
		}
	}
	if s.Jobs != nil {
		id := []any{ref("parameters", "id")}
		add("/"+asyncPath+"/{id}", "GET", object{"operationId": "async_status", "tags": []string{"async"}, "summary": "Asks how far a request is that was sent with Prefer: respond-async.", "parameters": id,
			"responses": object{"200": described("Done: a manifest (application/json), or a batch-response Bundle."), "202": described("Not done; X-Progress and Retry-After say more."), "default": ref("responses", "Error")}})
		add("/"+asyncPath+"/{id}", "DELETE", object{"operationId": "async_cancel", "tags": []string{"async"}, "summary": "Cancels it.", "parameters": id,
			"responses": object{"202": described("Cancelled."), "default": ref("responses", "Error")}})
		add("/"+asyncPath+"/{id}/result", "GET", object{"operationId": "async_result", "tags": []string{"async"}, "summary": "Gives its answer.", "parameters": id,
			"responses": object{"200": described("The answer, with the status that it would have had."), "default": ref("responses", "Error")}})
	}
	for _, r := range s.routes() {
		path := colon.ReplaceAllString(r.path, "{$1}")
		add(path, r.method, r.object())
		paths[path].(object)["servers"] = []any{object{"url": "/"}} //nolint:forcetypeassert // add made it
	}
	return object{
		"openapi": "3.1.0",
		"info": object{"title": "Vitalwire", "version": s.Engine.Version,
			"description": "HL7 FHIR R4 (4.0.1) for medical devices. FHIR paths are relative to the FHIR base, the others to this host. GET paths answer HEAD, all paths OPTIONS."},
		"servers":    []any{object{"url": s.Engine.Base}},
		"paths":      paths,
		"components": components(),
	}
}

// colon is a part of a path that varies, as echo writes it.
var colon = regexp.MustCompile(`:([A-Za-z]+)`)

func hasMethod(paths object, path, method string) bool {
	item, _ := paths[path].(object)
	return item[strings.ToLower(method)] != nil
}

func described(text string) object { return object{"description": text} }

// interactionObject describes one interaction.
func (s *Server) interactionObject(typ string, p interaction.Place) object {
	name := string(p.Name)
	operation := object{"operationId": operationID(name, p.Method, p.Path, typ), "tags": []string{tag(typ)}, "summary": name + summaryOf(p, typ)}
	var parameters []any
	for _, part := range []string{"compartment", "id", "vid"} {
		if strings.Contains(p.Path, "{"+part+"}") {
			parameters = append(parameters, ref("parameters", part))
		}
	}
	parameters = append(parameters, ref("parameters", "_format"), ref("parameters", "_pretty"))
	success := "200"
	switch {
	case isSearch(p.Name) && p.Method == http.MethodGet:
		parameters = append(parameters, s.searchParameters(typ)...)
	case isSearch(p.Name):
		operation["requestBody"] = object{"content": object{"application/x-www-form-urlencoded": object{"schema": object{"type": "object"}}}}
	case strings.HasPrefix(name, "history-"):
		parameters = append(parameters, ref("parameters", "_count"), ref("parameters", "_since"))
	case p.Name == interaction.Read || p.Name == interaction.VRead:
		parameters = append(parameters, ref("parameters", "If-None-Match"), ref("parameters", "If-Modified-Since"))
	case p.Name == interaction.Create:
		parameters = append(parameters, ref("parameters", "If-None-Exist"))
		operation["requestBody"], success = ref("requestBodies", "Resource"), "201"
	case p.Name == interaction.Update:
		parameters = append(parameters, ref("parameters", "If-Match"))
		operation["requestBody"] = ref("requestBodies", "Resource")
	case p.Name == interaction.Patch:
		parameters = append(parameters, ref("parameters", "If-Match"))
		operation["requestBody"] = ref("requestBodies", "Patch")
	case p.Name == interaction.Delete:
		parameters = append(parameters, ref("parameters", "If-Match"))
		success = "204"
	case p.Name == interaction.Transaction:
		operation["requestBody"] = ref("requestBodies", "Resource")
	case p.Name == interaction.Capabilities:
		parameters = append(parameters, object{"name": "mode", "in": "query", "schema": object{"enum": []string{"full", "normative", "terminology"}}})
	}
	responses := object{success: ref("responses", "Resource"), "default": ref("responses", "Error")}
	if success == "204" {
		responses["204"] = described("Deleted, or there was nothing.")
	}
	if p.Name == interaction.Update {
		responses["201"] = ref("responses", "Resource")
	}
	if takesTime(p.Name) {
		parameters = append(parameters, ref("parameters", "Prefer"))
		responses["202"] = ref("responses", "Later")
	} else if p.Method != http.MethodGet {
		parameters = append(parameters, ref("parameters", "Prefer"))
	}
	operation["parameters"], operation["responses"] = parameters, responses
	return operation
}

func summaryOf(p interaction.Place, typ string) string {
	text := ""
	if typ != "" {
		text = " of " + typ
	}
	if p.Query {
		text += ", of what search criteria in the query find"
	}
	return text
}

func tag(typ string) string {
	if typ == "" {
		return "system"
	}
	return typ
}

// operationID is unique: R4's code of the interaction, the type and, where the
// same can be asked in several ways, the way.
func operationID(name, method, path, typ string) string {
	id := strings.ReplaceAll(name, "-", "_")
	if typ != "" {
		id += "_" + typ
	}
	switch {
	case strings.Contains(path, "{compartment}"):
		id += "_in_compartment"
	case strings.HasPrefix(name, "search") && method == http.MethodPost:
		id += "_post"
	case (name == "update" || name == "patch" || name == "delete") && !strings.Contains(path, "{id}"):
		id += "_conditional"
	}
	if strings.Contains(path, "{compartment}") && method == http.MethodPost {
		id += "_post"
	}
	return id
}

func (s *Server) searchParameters(typ string) []any {
	list := []any{ref("parameters", "_count"), ref("parameters", "_sort"), ref("parameters", "_include"), ref("parameters", "_revinclude"), ref("parameters", "_total")}
	for _, p := range s.Engine.Search.Params(typ) {
		list = append(list, object{"name": p.Code, "in": "query", "description": p.TypeCode() + ", " + p.Definition, "schema": object{"type": "string"}})
	}
	return list
}

// operationObject describes a FHIR operation.
func operationObject(typ, level, code, method string) object {
	id := "op_" + strings.ReplaceAll(code, "-", "_") + "_" + tag(typ)
	var parameters []any
	if level != "" {
		id += "_instance"
		parameters = append(parameters, ref("parameters", "id"))
	}
	operation := object{"tags": []string{tag(typ)}, "summary": "$" + code,
		"parameters": append(parameters, ref("parameters", "_format"), ref("parameters", "_pretty"), ref("parameters", "Prefer")),
		"responses":  object{"200": ref("responses", "Resource"), "202": ref("responses", "Later"), "default": ref("responses", "Error")}}
	if method == http.MethodPost {
		operation["requestBody"] = ref("requestBodies", "Resource")
		id += "_post"
	}
	operation["operationId"] = id
	return operation
}

// object describes a route outside FHIR.
func (r route) object() object {
	operation := object{"operationId": r.name, "summary": r.summary, "tags": []string{strings.Split(r.path, "/")[1]}}
	var parameters []any
	for _, part := range colon.FindAllStringSubmatch(r.path, -1) {
		parameters = append(parameters, object{"name": part[1], "in": "path", "required": true, "schema": object{"type": "string"}})
	}
	for _, p := range r.query {
		parameters = append(parameters, object{"name": p.name, "in": "query", "description": p.about, "schema": object{"type": "string"}})
	}
	if parameters != nil {
		operation["parameters"] = parameters
	}
	if len(r.request) > 0 {
		content := object{}
		for _, media := range r.request {
			schema := object{"type": "object"}
			if media != "application/json" {
				schema = object{} // bytes
			}
			content[media] = object{"schema": schema}
		}
		operation["requestBody"] = object{"content": content, "required": true}
	}
	responses := object{"default": ref("responses", "Error")}
	for status, text := range r.responses {
		responses[strconv.Itoa(status)] = described(text)
	}
	operation["responses"] = responses
	return operation
}

// components are what the paths share.
func components() object {
	query := func(name, about string) object {
		return object{"name": name, "in": "query", "description": about, "schema": object{"type": "string"}}
	}
	header := func(name, about string) object {
		return object{"name": name, "in": "header", "description": about, "schema": object{"type": "string"}}
	}
	path := func(name, about, pattern string) object {
		return object{"name": name, "in": "path", "required": true, "description": about, "schema": object{"type": "string", "pattern": pattern}}
	}
	both := func(schema string) object {
		return object{"application/fhir+json": object{"schema": ref("schemas", schema)}, "application/fhir+xml": object{"schema": object{"type": "string"}}}
	}
	patch := both("Parameters")
	patch[interaction.JSONPatchType] = object{"schema": ref("schemas", "JSONPatch")}
	resource := func(types ...string) object {
		typ := object{"type": "string"}
		if len(types) > 0 {
			typ["enum"] = types
		}
		return object{"type": "object", "required": []string{"resourceType"}, "properties": object{"resourceType": typ, "id": object{"type": "string"}}}
	}
	return object{
		"parameters": object{
			"id": path("id", "Logical id.", `^[A-Za-z0-9\-.]{1,64}$`), "vid": path("vid", "Version.", `^[0-9]+$`), "compartment": path("compartment", "Type that the compartment is of.", `^[A-Z][A-Za-z]+$`),
			"_format": query("_format", "json or xml, or a media type of them; goes before Accept."), "_pretty": query("_pretty", "true indents the answer."),
			"_count": query("_count", "Most matches on a page."), "_since": query("_since", "Only versions made after this instant."), "_sort": query("_sort", "Parameters to sort by, '-' before those that descend."),
			"_include": query("_include", "References of the matches to follow."), "_revinclude": query("_revinclude", "References to the matches to follow back."), "_total": query("_total", "none, estimate or accurate."),
			"If-Match": header("If-Match", `The version that must be current, such as W/"3".`), "If-None-Match": header("If-None-Match", "Versions that the client has."),
			"If-Modified-Since": header("If-Modified-Since", "When the client last asked."), "If-None-Exist": header("If-None-Exist", "Search criteria that nothing may meet."),
			"Prefer": header("Prefer", "return=minimal, representation or OperationOutcome; handling=strict or lenient; respond-async."),
		},
		"requestBodies": object{
			"Resource": object{"required": true, "content": both("Resource")},
			"Patch":    object{"required": true, "content": patch},
		},
		"responses": object{
			"Resource": object{"description": "A resource.", "content": both("Resource")},
			"Error":    object{"description": "What was wrong, and where.", "content": both("OperationOutcome")},
			"Later":    object{"description": "Accepted; Content-Location says where to ask.", "headers": object{"Content-Location": object{"schema": object{"type": "string"}}}, "content": both("OperationOutcome")},
		},
		"schemas": object{
			"Resource": resource(), "OperationOutcome": resource("OperationOutcome"), "Parameters": resource("Parameters"),
			"JSONPatch": object{"type": "array", "items": object{"type": "object", "required": []string{"op", "path"}, "properties": object{
				"op": object{"enum": []string{"add", "remove", "replace", "move", "copy", "test"}}, "path": object{"type": "string"}, "from": object{"type": "string"}, "value": object{}}}},
		},
	}
}
