package operation

import (
	"cmp"
	"context"
	"slices"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// record is what belongs to one resource: itself, its compartment type by type,
// and what those refer to.
type record struct {
	*everything
	focus       fhir.Key
	compartment *search.Compartment
	stages      []*search.Query // of the compartment, in order
	// patients are whose resources may be referred to: of those of other patients
	// nothing is given.
	patients []string
	referred []fhir.Key // sorted; nil until they were gathered
	empty    []bool     // stages that gathering found nothing in; nil before
}

// careDates are the search parameters that say when care was given, where that is
// not "date".
var careDates = map[string]string{
	"Account": "period", "ChargeItem": "occurrence", "Claim": "created", "Communication": "sent",
	"CommunicationRequest": "occurrence", "Condition": "onset-date", "CoverageEligibilityRequest": "created",
	"CoverageEligibilityResponse": "created", "DetectedIssue": "identified", "DeviceRequest": "event-date",
	"DocumentManifest": "created", "ExplanationOfBenefit": "created", "Goal": "start-date", "ImagingStudy": "started",
	"Media": "created", "MedicationAdministration": "effective-time", "MedicationDispense": "whenhandedover",
	"MedicationRequest": "authoredon", "MedicationStatement": "effective", "NutritionOrder": "datetime",
	"QuestionnaireResponse": "authored", "RequestGroup": "authored", "ServiceRequest": "occurrence",
	"Specimen": "collected", "VisionPrescription": "datewritten",
}

func (e *everything) record(ctx context.Context, focus string) (*record, error) {
	key, _ := fhir.ParseKey(focus)
	rec := &record{everything: e, focus: key, compartment: e.set.Engine.Search.Compartment(key.Type)}
	for _, typ := range rec.compartment.Types {
		if err := rec.addStages(typ); err != nil {
			return nil, err
		}
	}
	if key.Type == "Patient" { // one that it is linked with has a record of its own
		rec.patients = []string{key.ID}
		return rec, nil
	}
	found, err := e.read(ctx, []fhir.Key{key}, false)
	if err != nil {
		return nil, err
	}
	for _, v := range found {
		r, err := fhir.ParseResource(v.Body)
		if err != nil {
			return nil, err
		}
		rec.patients = e.set.patientsOf(r)
	}
	return rec, nil
}

// addStages adds the queries of a type: when the call has care dates, of what lies
// in them and of what has no date.
func (rec *record) addStages(typ string) error {
	clause, ok := rec.compartment.Clause(typ, rec.focus.ID)
	if !ok {
		return nil
	}
	queries := []string{""}
	if dated := rec.set.Engine.Search.Lookup(typ, cmp.Or(careDates[typ], "date")); dated != nil && len(rec.dates) > 0 {
		within := ""
		for _, date := range rec.dates {
			within += dated.Code + "=" + date + "&"
		}
		queries = []string{within, dated.Code + ":missing=true"}
	}
	for _, query := range queries {
		q, err := rec.set.query(typ, query)
		if err != nil {
			return err
		}
		q.Filter = append([]search.Clause{clause}, q.Filter...)
		rec.stages = append(rec.stages, q)
	}
	return nil
}

func (rec *record) wants(typ string) bool {
	return len(rec.types) == 0 || slices.Contains(rec.types, typ)
}

// batch adds up to n entries from the cursor on; ended after the last.
func (rec *record) batch(ctx context.Context, c *everythingCursor, n int, list *[]entry) (ended bool, err error) {
	switch {
	case c.Stage == 0:
		c.Stage = 1
		return false, rec.giveKeys(ctx, []fhir.Key{rec.focus}, "match", list)
	case c.Stage <= len(rec.stages):
		return false, rec.giveStage(ctx, c, n, list)
	}
	if rec.focus.Type == "Patient" && len(rec.types) == 1 && rec.types[0] == "Patient" {
		return true, nil // of other patients nothing is given
	}
	if rec.referred == nil {
		if err := rec.gather(ctx); err != nil {
			return false, err
		}
	}
	at, _ := slices.BinarySearchFunc(rec.referred, c.Last, func(k fhir.Key, last string) int {
		if k.String() <= last {
			return -1
		}
		return 1
	})
	keys := rec.referred[at:min(at+n, len(rec.referred))]
	if len(keys) == 0 {
		return true, nil
	}
	c.Last = keys[len(keys)-1].String()
	return false, rec.giveKeys(ctx, keys, "include", list)
}

func (rec *record) giveKeys(ctx context.Context, keys []fhir.Key, mode string, list *[]entry) error {
	var wanted []fhir.Key
	for _, key := range keys {
		if rec.wants(key.Type) {
			wanted = append(wanted, key)
		}
	}
	found, err := rec.read(ctx, wanted, true)
	if err != nil {
		return err
	}
	for _, v := range found {
		*list = append(*list, entry{v, mode})
	}
	return nil
}

// giveStage adds matches of one type, except the focus itself.
func (rec *record) giveStage(ctx context.Context, c *everythingCursor, n int, list *[]entry) error {
	q := *rec.stages[c.Stage-1]
	if !rec.wants(q.Type) || rec.empty != nil && rec.empty[c.Stage-1] {
		c.Stage++
		return nil
	}
	q.Count, q.After = n, c.After
	if q.After == nil {
		q.After = from(rec.at)
	}
	if err := rec.onlySince(&q); err != nil {
		return err
	}
	result, err := rec.search(ctx, &q)
	if err != nil {
		return err
	}
	for _, v := range result.Matches {
		if v.Key != rec.focus {
			*list = append(*list, entry{v, "match"})
		}
	}
	if c.After = result.Next; c.After == nil {
		c.Stage++
	}
	return nil
}

// onlySince narrows a query to what _since asks for.
func (e *everything) onlySince(q *search.Query) error {
	if e.since == "" {
		return nil
	}
	since, err := e.set.query(q.Type, e.since)
	if err == nil {
		q.Filter = append(slices.Clone(q.Filter), since.Filter...)
	}
	return err
}

// read gives the resources of keys at the position of the call, in the order of
// their types and otherwise newest first; with since only what _since asks for.
func (e *everything) read(ctx context.Context, keys []fhir.Key, since bool) ([]store.Version, error) {
	byType := map[string][]search.Operand{}
	var types []string
	for _, key := range keys {
		if byType[key.Type] == nil {
			types = append(types, key.Type)
		}
		byType[key.Type] = append(byType[key.Type], search.Operand{Code: &key.ID})
	}
	var found []store.Version
	for _, typ := range types {
		q := &search.Query{Type: typ, Count: len(byType[typ]), After: from(e.at),
			Filter: []search.Clause{{Param: e.set.Engine.Search.Lookup(typ, "_id"), Operands: byType[typ]}}}
		if since {
			if err := e.onlySince(q); err != nil {
				return nil, err
			}
		}
		result, err := e.search(ctx, q)
		if err != nil {
			return nil, err
		}
		found = append(found, result.Matches...)
	}
	return found, nil
}
