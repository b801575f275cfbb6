package relational

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"

	"vitalwire/fhir"
	"vitalwire/server/store"
)

// fault gives the error that a caller sees.
func (s *Store) fault(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var known *fhir.Error
	var exists *store.Exists
	if errors.As(err, &known) || errors.As(err, &exists) {
		return err
	}
	if cause := ctx.Err(); cause != nil {
		return fhir.Timeout("the store's answer was not waited for").WithCause(errors.Join(cause, err))
	}
	switch s.meaning(err) {
	case FaultTimeout:
		return fhir.Timeout("the store took too long").WithCause(err)
	case FaultBroken, FaultUnavailable:
		return fhir.Unavailable("the store cannot be reached or is full; try again later").WithCause(err)
	case FaultRace:
		return fhir.Conflict("the write lost a race too often").WithCause(err)
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return fhir.Timeout("the store took too long").WithCause(err)
	}
	return err
}

// sqlError names the statement that failed. It is for the log, never shown.
func sqlError(err error, query string) error {
	if len(query) > 120 {
		query = query[:120] + "..."
	}
	return fmt.Errorf("store: %w in %s", err, query)
}

// meaning is the dialect's fault, and what database/sql itself says of a
// connection that is gone.
func (s *Store) meaning(err error) Fault {
	if errors.Is(err, sql.ErrConnDone) || errors.Is(err, sqldriver.ErrBadConn) {
		return FaultBroken
	}
	return s.d.Fault(err)
}
