package operation

import (
	"context"
	"strconv"

	"vitalwire/fhir"
	"vitalwire/server/audit"
	"vitalwire/server/guard"
	"vitalwire/server/store"
)

// The operations that remove for ever: from the versions, the index and so from every
// history and search. What they remove is named in the log and in an AuditEvent that is
// stored in the same transaction. HL7 defines neither; the parameters of $expunge are
// those that other servers have.
var (
	expunge = Operation{
		Definition: "urn:vitalwire:operation:expunge", Server: true,
		Run: func(ctx context.Context, s *Set, c Call) (Result, error) {
			p := purge{code: "expunge", past: isTrue(c.named("expungePreviousVersions")), deleted: isTrue(c.named("expungeDeletedResources")), everything: isTrue(c.named("expungeEverything"))}
			if !p.past && !p.deleted && !p.everything {
				return Result{}, fhir.Malformed("Parameters.parameter", "$expunge needs expungePreviousVersions, expungeDeletedResources or expungeEverything to be true").WithCode(fhir.CodeRequired)
			}
			return s.purge(ctx, c, p)
		},
	}
	purgeHistory = Operation{
		Definition: "urn:vitalwire:operation:purge-history", Server: true,
		Run: func(ctx context.Context, s *Set, c Call) (Result, error) {
			return s.purge(ctx, c, purge{code: "purge-history", past: true})
		},
	}
)

// KeepForever takes the operations away that remove for ever.
func (s *Set) KeepForever() {
	delete(s.byCode, "expunge")
	delete(s.byCode, "purge-history")
}

// purge is what is to be removed.
type purge struct {
	code                      string
	past, deleted, everything bool
}

// purgeLimit is the most versions that one call removes, unless its limit says less.
const purgeLimit = 10_000

func (s *Set) purge(ctx context.Context, c Call, p purge) (Result, error) {
	limit, err := c.number("limit", purgeLimit, 1)
	if err != nil {
		return Result{}, err
	}
	if c.Type == store.Audited {
		return Result{}, fhir.NotAllowed("AuditEvents are never removed")
	}
	limit = min(limit, purgeLimit)
	n := 0
	if c.ID != "" {
		if n, err = s.purgeOne(ctx, c.key(), p, limit); err != nil {
			return Result{}, err
		}
	} else if n, err = s.purgeMany(ctx, c.Type, p, limit); err != nil {
		return Result{}, err
	}
	r := fhir.NewResource("Parameters")
	r.Root().Set("parameter", fhir.NewArray(fhir.NewObject(fhir.S("name", "count"), fhir.M("valueInteger", fhir.NewNumber(strconv.Itoa(n))))))
	return answer(r, nil)
}

// purgeMany goes over all resources of a type, or of all types, that there are now;
// each is done by itself.
func (s *Set) purgeMany(ctx context.Context, typ string, p purge, limit int) (int, error) {
	at, err := s.position(ctx)
	if err != nil {
		return 0, err
	}
	of := store.Selection{Type: typ, AsOf: at, Oldest: true}
	n := 0
	for n < limit {
		var list []store.Version
		err := s.Engine.Store.View(ctx, func(r store.Reader) (err error) {
			list, err = r.Versions(of, batchSize)
			return err
		})
		if err != nil || len(list) == 0 {
			return n, err
		}
		of.Above = list[len(list)-1].Position
		done := map[fhir.Key]bool{}
		for _, v := range list {
			if done[v.Key] || n >= limit {
				continue
			}
			done[v.Key] = true
			removed, err := s.purgeOne(ctx, v.Key, p, limit-n)
			if err != nil && fhir.SituationOf(err) != fhir.SituationNotFound {
				return n, err
			}
			n += removed
		}
	}
	return n, nil
}

// purgeOne removes what is asked of one resource, the oldest versions first, and says
// so in an AuditEvent.
func (s *Set) purgeOne(ctx context.Context, key fhir.Key, p purge, limit int) (int, error) {
	n := 0
	if key.Type == store.Audited {
		return 0, nil // what was audited stays
	}
	err := s.Engine.Store.Update(ctx, func(tx store.Tx) error {
		current, err := tx.Read(key)
		if err != nil {
			return err
		}
		// Never beyond the current version, and not it unless that is asked for.
		below := current.Position
		if p.everything || p.deleted && current.Deleted {
			below++
		} else if !p.past {
			below = 0
		}
		n = 0
		for n < limit && below > 0 {
			list, err := tx.Versions(store.Selection{Type: key.Type, ID: key.ID, Below: below, Oldest: true}, min(batchSize, limit-n))
			if err != nil {
				return err
			}
			if len(list) == 0 {
				break
			}
			if err := tx.Expunge(list); err != nil {
				return err
			}
			n += len(list)
		}
		if n == 0 {
			return nil
		}
		return audit.Removed(ctx, guard.Raw(tx), p.code, key, strconv.Itoa(n)+" versions were removed for ever")
	})
	if err != nil || n == 0 {
		return 0, err
	}
	if s.Log != nil {
		s.Log.WarnContext(ctx, "removed for ever", "operation", "$"+p.code, "type", key.Type, "id", key.ID, "versions", n)
	}
	if s.Engine.Wrote != nil {
		s.Engine.Wrote(key)
	}
	return n, nil
}
