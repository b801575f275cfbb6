package operation

import (
	"vitalwire/auth"
	"vitalwire/fhir"
	"vitalwire/server/interaction"
)

// SMART has no scopes for operations, so each says what it takes. Whatever that is, an
// operation reads and writes as its caller: what is hidden from him is to it not there.

// reads wants a scope to read or search the type that the operation is called on.
func reads(e *interaction.Engine, c Call) error {
	if c.Type == "" {
		return nil
	}
	return e.May(c.Type, auth.Read|auth.Search)
}

// gathers wants scopes to read and to search the type.
func gathers(e *interaction.Engine, c Call) error {
	if err := e.May(c.Type, auth.Read); err != nil {
		return err
	}
	return e.May(c.Type, auth.Search)
}

// anyone is let in: nothing stored is read, or each type is asked for by itself.
func anyone(*interaction.Engine, Call) error { return nil }

// handles wants a scope of whatever right on the type.
func handles(e *interaction.Engine, c Call) error {
	if c.Type == "" {
		return nil
	}
	return e.May(c.Type, auth.Everything)
}

// updates wants a scope to read and to update the type.
func updates(e *interaction.Engine, c Call) error {
	if err := e.May(c.Type, auth.Read); err != nil {
		return err
	}
	return e.May(c.Type, auth.Update)
}

// whole wants to see all resources of the type: the terminology service answers out of
// all that there are.
func whole(e *interaction.Engine, c Call) error {
	reach, err := e.Reach(nil) //nolint:staticcheck // of an engine that is for a caller already
	if err == nil && !reach.View(c.Type, auth.Read|auth.Search).Whole {
		err = fhir.Forbidden("the access token lacks the right %q on every %s", auth.Read|auth.Search, c.Type)
	}
	return err
}

// administers wants who runs the server.
func administers(e *interaction.Engine, _ Call) error {
	reach, err := e.Reach(nil) //nolint:staticcheck // of an engine that is for a caller already
	if err == nil && !reach.Administers() {
		err = fhir.Forbidden("this takes an administrator, or an access token with the scope system/*.cruds")
	}
	return err
}
