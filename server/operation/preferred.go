package operation

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"vitalwire/fhir"
	"vitalwire/server/store"
)

// preferredID is $preferred-id of NamingSystem: the identifier of a kind that a
// system, named by any of its identifiers, is best called by.
var preferredID = Operation{
	Definition: "http://hl7.org/fhir/OperationDefinition/NamingSystem-preferred-id",
	Run: func(ctx context.Context, s *Set, c Call) (Result, error) {
		id, kind := c.named("id").Text(), c.named("type").Text()
		if !slices.Contains([]string{"oid", "uuid", "uri", "other"}, kind) {
			return Result{}, fhir.Malformed("type", "type is oid, uuid, uri or other").WithCode(fhir.CodeValue)
		}
		found, known, err := s.preferred(ctx, id, kind)
		switch {
		case err != nil:
			return Result{}, err
		case !known:
			return Result{}, fhir.Unprocessable("id", "no NamingSystem that is known here has the identifier %.200q", id).WithCode(fhir.CodeNotFound)
		case len(found) == 0:
			return Result{}, fhir.Unprocessable("type", "the NamingSystem of %.200q has no identifier of type %s", id, kind).WithCode(fhir.CodeNotFound)
		case len(found) > 1:
			return Result{}, fhir.Unprocessable("id", "several identifiers of type %s are known for %.200q, and none is preferred", kind, id).WithCode(fhir.CodeMultipleMatches)
		}
		r := fhir.NewResource("Parameters")
		r.Root().Set("parameter", fhir.NewArray(fhir.NewObject(fhir.S("name", "result"), fhir.S("valueString", found[0]))))
		return answer(r, nil)
	},
}

// preferred gives the values of a type that naming systems with an identifier
// prefer: those stored here, and those of packages.
func (s *Set) preferred(ctx context.Context, id, kind string) (found []string, known bool, err error) {
	id = plainID(id)
	look := func(system *fhir.Element) {
		names := current(system, time.Now())
		if !slices.ContainsFunc(names, func(n *fhir.Element) bool { return plainID(n.Get("value").Text()) == id }) {
			return
		}
		known = true
		for _, value := range best(names, kind) {
			if !slices.Contains(found, value) {
				found = append(found, value)
			}
		}
	}
	for _, form := range []string{id, "urn:oid:" + id, "urn:uuid:" + id} {
		q, err := s.query("NamingSystem", "value:exact="+url.QueryEscape(strings.NewReplacer(`\`, `\\`, `,`, `\,`, `|`, `\|`, `$`, `\$`).Replace(form)))
		if err != nil {
			return nil, false, err
		}
		err = s.eachMatch(ctx, q, func(v store.Version) error {
			e, err := fhir.ParseElement(v.Body)
			if err == nil {
				look(e)
			}
			return err
		})
		if err != nil {
			return nil, false, err
		}
	}
	for r, err := range s.Knowledge.Set().All("NamingSystem") {
		if err != nil {
			return nil, false, err
		}
		look(r.Root())
	}
	return found, known, nil
}

// plainID is an OID or UUID without the scheme that makes a URI of it.
func plainID(id string) string {
	return strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(id), "urn:oid:"), "urn:uuid:")
}

// current are the identifiers of a naming system but those whose period is over.
func current(system *fhir.Element, now time.Time) []*fhir.Element {
	return slices.DeleteFunc(slices.Clone(system.Get("uniqueId").Items()), func(n *fhir.Element) bool {
		end := n.Path("period", "end").Text()
		today := now.UTC().Format(time.DateOnly)
		// An end of a year or month is the end of that (R4 datatypes §2.24.0.15).
		most := min(len(end), len(today))
		return end != "" && today[:most] > end[:most]
	})
}

// best are the values of a type: the preferred ones, or all when none is.
func best(names []*fhir.Element, kind string) (list []string) {
	for _, preferred := range []bool{true, false} {
		for _, n := range names {
			if n.Get("type").Text() == kind && (!preferred || isTrue(n.Get("preferred"))) {
				list = append(list, n.Get("value").Text())
			}
		}
		if len(list) > 0 {
			return list
		}
	}
	return nil
}
