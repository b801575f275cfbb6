package rest

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"vitalwire/profiles"
)

const packagesPath = "/admin/packages"

// loadedPackage is a FHIR package as the operator sees it.
type loadedPackage struct {
	Name         string   `json:"name"`
	Version      string   `json:"version"`
	Canonical    string   `json:"canonical,omitempty"`
	Definitions  int      `json:"definitions"`
	Dependencies []string `json:"dependencies,omitempty"`
	Notes        []string `json:"notes,omitempty"`
}

// missingPackage is a dependency that is not there.
type missingPackage struct {
	Name     string `json:"name"`
	Version  string `json:"version"`
	NeededBy string `json:"neededBy"`
	Instead  string `json:"usedInstead,omitempty"`
}

func shownPackage(p *profiles.Package) loadedPackage {
	shown := loadedPackage{Name: p.Name, Version: p.Version, Canonical: p.Canonical, Definitions: len(p.Entries()), Notes: p.Notes}
	for _, d := range p.Dependencies {
		shown.Dependencies = append(shown.Dependencies, d.Key())
	}
	return shown
}

// loadPackage answers POST /admin/packages: a .tgz as the body. Requests go on
// with the definitions there are until the new ones are all in place.
func (s *Server) loadPackage(c echo.Context) error {
	p, err := s.Knowledge.Load(c.Request().Context(), c.Request().Body)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, shownPackage(p))
}

// listPackages answers GET /admin/packages: what is loaded and what is missing.
func (s *Server) listPackages(c echo.Context) error {
	list := struct {
		Packages []loadedPackage  `json:"packages"`
		Missing  []missingPackage `json:"missing"`
	}{[]loadedPackage{}, []missingPackage{}}
	set := s.Knowledge.Set()
	for _, p := range set.Packages() {
		list.Packages = append(list.Packages, shownPackage(p))
	}
	for _, m := range set.Missing() {
		list.Missing = append(list.Missing, missingPackage{Name: m.Needs.Name, Version: m.Needs.Version, NeededBy: m.Package, Instead: m.Instead})
	}
	return c.JSON(http.StatusOK, list)
}
