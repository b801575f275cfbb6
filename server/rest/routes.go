package rest

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"vitalwire/fhir"
	"vitalwire/server/telemetry"
)

// route is one thing that is served outside the FHIR base. The same table
// routes, answers OPTIONS and 405, and describes itself in /openapi.json.
type route struct {
	method, path string // path with ":name" where a segment varies
	name         string // in metrics and as operationId
	summary      string
	query        []parameter
	request      []string // media types of the body; none: no body
	responses    map[int]string
	handle       echo.HandlerFunc
}

// parameter is one of a query.
type parameter struct{ name, about string }

// pageParameters are those of every list.
var pageParameters = []parameter{
	{"device", "EUI-64 of one device"}, {"after", "where the last page ended"}, {"count", "how many at most"},
}

// routes are all of them.
func (s *Server) routes() []route {
	frame := []string{"application/octet-stream", "application/json", ndjson, formData, mixed}
	list := []route{
		{http.MethodPost, "/ingest/associations", "associate", "Says who wore a device from when; releases the readings that waited.", nil, []string{"application/json"},
			map[int]string{200: "It was there already.", 201: "Made, with how many readings were released."}, s.associate},
		{http.MethodGet, "/ingest/associations", "listAssociations", "Lists who wore what.", pageParameters, nil, map[int]string{200: "A page."}, s.listAssociations},
		{http.MethodPost, "/ingest/devices", "enrol", "Says whether a device's frames are taken, from whom, and gives it a secret; releases what waited for that.", nil, []string{"application/json"},
			map[int]string{200: "Done, with the secret if one was asked for."}, s.enrol},
		{http.MethodGet, "/ingest/unknown-codes", "listUnknownCodes", "Lists the codes that readings of devices came with since the server started and that are not known, those of most readings first.", nil, nil,
			map[int]string{200: "At most 1,000."}, s.listUnknownCodes},
		{http.MethodGet, "/ingest/devices", "listDevices", "Lists the devices that were seen or enrolled.", pageParameters, nil, map[int]string{200: "A page."}, s.listDevices},
		{http.MethodGet, "/ingest/quarantine", "listQuarantine", "Lists readings that wait for a patient.", pageParameters, nil, map[int]string{200: "A page."}, s.listQuarantine},
		{http.MethodGet, "/ingest/refused", "listRefused", "Lists frames that could not be read.", pageParameters[1:], nil, map[int]string{200: "A page."}, s.listRefused},
		{http.MethodPost, "/ingest/refused/:id/replay", "replay", "Tries a refused frame again.", nil, nil,
			map[int]string{200: "All was there already.", 201: "Resources were made.", 202: "Readings wait for a patient."}, s.replay},
		{http.MethodGet, "/ingest/templates", "listTemplates", "Lists the operator's templates, which version is in service, and what is wrong with a newer one.", nil, nil, map[int]string{200: "The list."}, s.listTemplates},
		{http.MethodPost, "/ingest/templates/:name/try", "tryTemplate", "Says field by field what a template makes of an input. Nothing is stored.", nil,
			[]string{"application/json", "text/csv", "application/xml", "application/octet-stream"}, map[int]string{200: "What it makes of it, or why it refuses it."}, s.tryTemplate},
		{http.MethodPost, "/ingest/:adapter", "submit", "Takes one device frame.", []parameter{
			{"deviceId", "EUI-64 of the device, for a raw frame"}, {"gatewayId", "EUI-64 of the gateway"}, {"receivedAt", "when the gateway got it, RFC 3339"}, {"characteristic", "Bluetooth UUID"}},
			frame, map[int]string{200: "All was there already.", 201: "Resources were made; the Bundle names them.", 202: "Readings wait for a patient."}, s.submit},
		{http.MethodGet, packagesPath, "listPackages", "Lists the FHIR packages that are loaded and those that are missing.", nil, nil, map[int]string{200: "The lists."}, s.listPackages},
		{http.MethodPost, packagesPath, "loadPackage", "Loads a FHIR package (.tgz) while the server runs.", nil, []string{"application/gzip", "application/octet-stream"},
			map[int]string{201: "Loaded."}, s.loadPackage},
		{http.MethodGet, "/healthz", "health", "Says that the program runs.", nil, nil, map[int]string{200: "It does."},
			func(c echo.Context) error { return c.String(http.StatusOK, "ok\n") }},
		{http.MethodGet, "/readyz", "ready", "Says whether requests should be sent here: the store answers, the definitions are loaded, the server is not stopping.", nil, nil,
			map[int]string{200: "They should.", 503: "They should not, and why."}, s.ready},
		{http.MethodGet, "/openapi.json", "openapi", "Describes all of this, by OpenAPI 3.1.", nil, nil, map[int]string{200: "The document."}, s.openAPI},
	}
	list = append(list, s.inboxRoutes()...)
	if s.Auth != nil {
		list = append(list, s.peopleRoutes()...)
	}
	if s.Metrics != nil {
		list = append(list, route{http.MethodGet, "/metrics", "metrics", "Prometheus metrics.", nil, nil, map[int]string{200: "Prometheus text format."},
			echo.WrapHandler(s.Metrics.Handler())})
	}
	return list
}

// register routes the table. GET is HEAD as well (RFC 9110 §9.3.2).
func (s *Server) register(e *echo.Echo) {
	allowed := map[string][]string{}
	var paths []string
	for _, r := range s.routes() {
		if allowed[r.path] == nil {
			paths = append(paths, r.path)
		}
		needed := routeScopes[r.path]
		handle := func(c echo.Context) error {
			telemetry.CallOf(c.Request().Context()).Interaction = r.name
			var err error
			switch {
			case open[r.path]:
			case strings.HasPrefix(r.path, clientsPath), strings.HasPrefix(r.path, usersPath):
				err = administrates(c.Request())
			default:
				err = s.allow(c.Request(), needed)
			}
			switch {
			case err != nil:
				return err
			case open[r.path], r.name == "submit", r.name == "metrics":
				return r.handle(c) // frames tell of themselves, and numbers tell of nobody
			}
			return s.administered(c, r)
		}
		e.Add(r.method, r.path, handle)
		allowed[r.path] = append(allowed[r.path], r.method)
		if r.method == http.MethodGet {
			e.HEAD(r.path, headOnly(handle))
			allowed[r.path] = append(allowed[r.path], http.MethodHead)
		}
	}
	for _, path := range paths {
		methods := allowed[path]
		slices.SortFunc(methods, func(a, b string) int { return slices.Index(methodOrder, a) - slices.Index(methodOrder, b) })
		others := slices.DeleteFunc(slices.Clone(allMethods), func(m string) bool { return slices.Contains(methods, m) })
		e.Match(others, path, func(c echo.Context) error {
			if c.Request().Method == http.MethodOptions {
				allow(c.Response().Header(), append(slices.Clone(methods), http.MethodOptions))
				return c.NoContent(http.StatusNoContent)
			}
			allow(c.Response().Header(), methods)
			return fhir.NotAllowed("%.20s is not served here; %s is", c.Request().Method, strings.Join(methods, ", "))
		})
	}
}

// administered performs what is served outside of FHIR, and has the audit log keep that it
// was done; changes of clients and users are told by who makes them. Where nothing can be
// audited it is not done.
func (s *Server) administered(c echo.Context, r route) error {
	ctx := c.Request().Context()
	if err := s.Engine.Audit.Ready(); err != nil {
		return err
	}
	err := r.handle(c)
	people := strings.HasPrefix(r.path, clientsPath) || strings.HasPrefix(r.path, usersPath)
	if err != nil || people && r.method != http.MethodGet {
		return err // what failed is told as it is refused
	}
	// It is done and perhaps answered: that the log is full by now is counted there.
	_ = s.Engine.Audit.Administered(ctx, r.name, c.Request().URL.Path, nil)
	return nil
}

var methodOrder = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// allMethods are those that echo can route.
var allMethods = append(slices.Clone(methodOrder), http.MethodOptions, http.MethodTrace, http.MethodConnect, echo.PROPFIND, echo.REPORT)

// headOnly answers HEAD with the header of GET.
func headOnly(get echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Response().Writer = bodiless{c.Response().Writer}
		return get(c)
	}
}

type bodiless struct{ http.ResponseWriter }

func (bodiless) Write(b []byte) (int, error) { return len(b), nil }

// ready answers /readyz.
func (s *Server) ready(c echo.Context) error {
	if s.Ready != nil {
		if err := s.Ready(c.Request()); err != nil {
			return fhir.Unavailable("not ready: %s", err)
		}
	}
	return c.String(http.StatusOK, "ready\n")
}
