package audit

import (
	"cmp"
	"context"
	"os/user"

	"vitalwire/auth"
	"vitalwire/server/store"
)

// Command writes what a command on the machine did to a store, which a server may have
// open: it is in no request, and waits in no queue. A store that no server audits has no
// chain, and gets no event. base is the FHIR base, "" when it is not known.
func Command(ctx context.Context, s store.Store, base string, h auth.Happening, failed error) error {
	audited := false
	err := s.Glance(ctx, func(r store.Reader) (err error) {
		_, audited, err = readHead(r)
		return err
	})
	if err != nil || !audited {
		return err
	}
	name := "the command line"
	if who, err := user.Current(); err == nil {
		name += ", by " + who.Username
	}
	e, err := happened(Amid(ctx, Circumstances{Name: name}), h)
	if err != nil {
		return err
	}
	e.Outcome, e.Description = outcomeOf(failed)
	return s.Apply(ctx, store.Unit{Writes: Source{cmp.Or(base, "urn:vitalwire")}.Writes(e)})[0].Err
}
