package interaction

import (
	"context"
	"fmt"

	"vitalwire/fhir"
	"vitalwire/server/store"
)

// Deletes says what a conditional delete may do (R4 http §3.1.0.7.1).
type Deletes string

// The ways; the zero value is DeleteSingle.
const (
	DeleteOff      Deletes = "off"
	DeleteSingle   Deletes = "single"   // of several matches none is deleted: 412
	DeleteMultiple Deletes = "multiple" // all matches are deleted
)

// code is the conditional-delete-status of the CapabilityStatement.
func (d Deletes) code() string {
	switch d {
	case DeleteOff:
		return "not-supported"
	case DeleteMultiple:
		return "multiple"
	}
	return "single"
}

// maxDeleted bounds what one conditional delete deletes.
const maxDeleted = 10_000

func (t *transaction) identifyDelete(ctx context.Context, a *action) (err error) {
	if a.write.IfMatch, err = parseIfMatch(a.IfMatch); err != nil {
		return err
	}
	if a.Key.ID != "" {
		a.removes = []fhir.Key{a.Key}
		return nil
	}
	if t.e.Deletes == DeleteOff {
		return fhir.NotAllowed("conditional delete is switched off on this server")
	}
	a.when, err = t.e.condition(ctx, a.Key.Type, a.Query, "a conditional delete")
	return err
}

// findRemoved answers the condition of a conditional delete.
func (t *transaction) findRemoved(s store.Reader, a *action) error {
	multiple := t.e.Deletes == DeleteMultiple && a.write.IfMatch == 0
	limit := 2
	if multiple {
		limit = maxDeleted + 1
	}
	found, err := a.when.all(s, limit)
	switch {
	case err != nil:
		return err
	case len(found) > 1 && !multiple:
		return manyMatches(a.when)
	case len(found) > maxDeleted:
		return fhir.TooCostly("the condition matches more than %d resources; delete them in parts", maxDeleted)
	case len(found) == 0 && a.write.IfMatch != 0:
		return fhir.PreconditionFailed("the condition matches no %s, so there is no version to match", a.Key.Type)
	}
	a.removes = make([]fhir.Key, len(found))
	for i, v := range found {
		a.removes[i] = v.Key
	}
	return nil
}

// removed keeps the answer to a delete. To delete what is not there is no error:
// it is as gone as can be (R4 http §3.1.0.7).
func (a *action) removed(versions []store.Version) {
	response := Response{}
	n := 0
	for i := range versions {
		if versions[i].VersionID > 0 {
			n++
		}
	}
	switch {
	case n == 0 && a.when != nil:
		response.Done = fmt.Sprintf("no %s matches; nothing was deleted", a.Key.Type)
	case n == 0:
		response.Done = a.Key.String() + " is not there; nothing was deleted"
	case n == 1 && len(versions) == 1:
		response.Version = &versions[0]
		response.Done = versions[0].Key.String() + " was deleted"
	default:
		response.Done = fmt.Sprintf("%d resources of type %s were deleted", n, a.Key.Type)
	}
	a.result.Response = response
}
