package interaction

import (
	"context"
	"net/url"
	"slices"
	"strconv"

	"vitalwire/fhir"
	"vitalwire/server/audit"
	"vitalwire/server/store"
)

// auditKinds are how the audit log calls interactions. Those that write tell it
// themselves, in their commit, when they make a version.
var auditKinds = map[Name]audit.Kind{
	Read: audit.Read, VRead: audit.VRead, Create: audit.Create, Update: audit.Update, Patch: audit.Patch, Delete: audit.Delete,
	SearchType: audit.SearchType, SearchSystem: audit.SearchSystem,
	HistoryInstance: audit.HistoryInstance, HistoryType: audit.HistoryType, HistorySystem: audit.HistorySystem,
	Transaction: audit.Transaction,
}

// told gives the answer of an interaction once the audit log has it.
func (e *Engine) told(ctx context.Context, r Request, response Response, failed error) (Response, error) {
	d, ok := e.done(r, response, failed)
	var err error
	if d.Decided, d.Known, err = e.decided(r, response, d.Patients); err != nil {
		return Response{}, err
	}
	if ok {
		if err := e.Audit.Tell(ctx, d); err != nil {
			return Response{}, err
		}
	} else if len(d.Decided) > 0 {
		// The write has its event in its commit, and what is done is not refused.
		_ = e.Audit.Tell(ctx, audit.Done{Kind: audit.Consented, Decided: d.Decided, Known: d.Known})
	}
	return response, failed
}

// decided is what the Consents decided of an interaction: of what was asked for by itself,
// as they judged it; of a search or history, what they show of those whom it asks for, and
// of those it found.
func (e *Engine) decided(r Request, response Response, about []string) ([]audit.Decided, int64, error) {
	if e.witness.Ruling() == nil {
		return nil, 0, nil
	}
	switch r.Interaction {
	case SearchType, SearchSystem, HistoryType, HistorySystem, HistoryInstance:
	default:
		about = nil
	}
	return e.Decided(r.Key.Type, about, func(patient string) bool { return slices.Contains(response.named, patient) })
}

// Decided is what the Consents decided since that was last asked: of each resource that was
// asked for by itself, and what the patients that a search of a type ("" for any) is about
// show of it. found are those whom the answer names. Known is Ruling.Known.
func (e *Engine) Decided(typ string, about []string, found func(patient string) bool) (list []audit.Decided, known int64, err error) {
	ruling := e.witness.Ruling()
	if ruling == nil {
		return nil, 0, nil
	}
	add := func(patient string, permit bool) {
		one := audit.Decided{Patient: patient, Permit: permit, Class: ruling.Class(patient)}
		if permit && one.Class == 0 || slices.ContainsFunc(list, func(o audit.Decided) bool { return o.Patient == patient && o.Permit == permit }) {
			return // no Consent of his permits, or it is known
		}
		list = append(list, one)
	}
	if e.Store == store.Store(e.guarded) {
		noted, refused := e.witness.Take()
		for _, one := range noted {
			s, err := e.guarded.Judged(one.Version)
			if err != nil {
				return nil, 0, err
			}
			for _, patient := range ruling.Owners(s) {
				permit := one.Permit
				if !permit {
					if permit, err = ruling.Permits(patient, s); err != nil {
						return nil, 0, err
					}
				}
				add(patient, permit)
			}
		}
		for _, patient := range refused {
			add(patient, false)
		}
	}
	if e.guarded.Agreeable(typ) {
		for _, patient := range about {
			if some, known := ruling.Shows(patient, typ); known && (some || !found(patient)) {
				add(patient, some)
			}
		}
	}
	return list, ruling.Known(), nil
}

// done is what the audit log is told of an interaction; ok is false when its commit or
// its entries told it all.
func (e *Engine) done(r Request, response Response, failed error) (d audit.Done, ok bool) {
	kind, known := auditKinds[r.Interaction]
	if e.Audit == nil || !known {
		return d, false
	}
	d = audit.Done{Kind: kind, Err: failed}
	var about audit.Patients
	switch r.Interaction {
	case Read, VRead:
		d.What = r.Key.String()
		if v := response.Version; v != nil {
			d.What = reference(*v)
			about.Resource(v.Key, v.Stored())
		} else if r.VersionID != "" && fhir.ValidID(r.VersionID) {
			d.What += "/_history/" + r.VersionID
		}
	case SearchType, SearchSystem, HistoryType, HistorySystem, HistoryInstance:
		d.Query = e.asked(r)
		about.Search(r.Key.Type, r.Query)
		if r.Compartment.Type == "Patient" {
			about.Add(r.Compartment.ID)
		}
		for _, id := range response.named {
			about.Add(id)
		}
	case Transaction:
		return d, failed != nil
	default: // Create, Update, Patch, Delete
		switch {
		case failed != nil:
			d.What = r.Key.String()
			if r.Key.ID == "" {
				d.What = r.Key.Type
			}
		case response.Matched && response.Version != nil: // a search that found one
			d.Kind, d.Query = audit.SearchType, e.Base+"/"+r.Key.Type+"?"+r.IfNoneExist
			about.Resource(response.Version.Key, response.Version.Stored())
		case r.Interaction == Delete && response.Version == nil && r.Key.ID != "" && response.Done != "":
			d.What = r.Key.String() // there was nothing to delete
		default:
			return d, false
		}
	}
	if !fhir.ValidID(r.Key.ID) && d.Query == "" {
		d.What = r.Key.Type
	}
	d.Patients = about.IDs
	return d, true
}

// asked is a search or history as it was sent.
func (e *Engine) asked(r Request) string {
	path := r.Key.Type
	if r.Compartment.ID != "" {
		path = r.Compartment.String() + "/" + path
	}
	switch r.Interaction {
	case HistoryInstance:
		path += "/" + url.PathEscape(r.Key.ID) + "/_history"
	case HistoryType:
		path += "/_history"
	case HistorySystem:
		path = "_history"
	}
	if r.Query != "" {
		path += "?" + audit.Shown(r.Query)
	}
	return e.Base + "/" + path
}

func reference(v store.Version) string {
	return v.Key.String() + "/_history/" + strconv.FormatInt(v.VersionID, 10)
}

// flush has the audit log store what waits, before AuditEvents are looked for.
func (e *Engine) flush(ctx context.Context, r Request) {
	if e.Audit != nil && r.Key.Type == store.Audited && r.Interaction != Create {
		e.Audit.Flush(ctx)
	}
}
