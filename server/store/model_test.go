package store_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
	"vitalwire/server/store/storetest"
)

// model is the contract in plain maps, slow and obvious: what the stores are
// compared with. One goroutine uses it.
type model struct {
	now  int64
	last int64
	feed []store.Version
	of   map[fhir.Key][]store.Version
	ix   map[int64][]search.Value // by position
	recs map[[2]string][]byte
}

func newModel() *model {
	return &model{of: map[fhir.Key][]store.Version{}, ix: map[int64][]search.Value{}, recs: map[[2]string][]byte{}}
}

func (m *model) clone() *model {
	c := newModel()
	c.now, c.last, c.feed = m.now, m.last, slices.Clone(m.feed)
	for k, v := range m.of {
		c.of[k] = slices.Clone(v)
	}
	for k, v := range m.ix {
		c.ix[k] = v
	}
	for k, v := range m.recs {
		c.recs[k] = v
	}
	return c
}

func (m *model) apply(units ...store.Unit) []store.Outcome {
	out := make([]store.Outcome, len(units))
	for i, u := range units {
		trial := m.clone()
		out[i].Versions, out[i].Err = trial.unit(u)
		if out[i].Err == nil {
			*m = *trial
		} else {
			out[i].Versions = nil
		}
	}
	return out
}

func (m *model) unit(u store.Unit) ([]store.Version, error) {
	var made []store.Version
	for i, w := range u.Writes {
		v, err := m.write(i, w)
		if err != nil {
			return nil, err
		}
		made = append(made, v)
	}
	for _, w := range u.Records {
		key := [2]string{w.Collection, w.Key}
		was, ok := m.recs[key]
		if w.IfAbsent && ok || w.IfValue != nil && (!ok || !bytes.Equal(was, w.IfValue)) {
			return nil, fhir.Conflict("record")
		}
		if w.Value == nil {
			delete(m.recs, key)
		} else {
			m.recs[key] = w.Value
		}
	}
	return made, nil
}

func (m *model) write(index int, w store.Write) (store.Version, error) {
	chain := m.of[w.Key]
	var cur store.Version
	if len(chain) > 0 {
		cur = chain[len(chain)-1]
	}
	live := len(chain) > 0 && !cur.Deleted
	if w.IfMatch != 0 && cur.VersionID != w.IfMatch {
		return store.Version{}, fhir.PreconditionFailed("version")
	}
	if w.Makes != 0 && w.Makes != w.Made(cur.VersionID, live) {
		return store.Version{}, fhir.Conflict("moved")
	}
	if w.IfAbsent && live {
		return store.Version{}, &store.Exists{Write: index, Matches: []store.Version{cur}}
	}
	if w.Unless != nil {
		if holders, _ := m.Holders(w.Key.Type, *w.Unless); len(holders) > 0 {
			return store.Version{}, &store.Exists{Write: index, Matches: holders}
		}
	}
	switch {
	case w.Op == store.Create && len(chain) > 0:
		return store.Version{}, fhir.Conflict("used")
	case w.Op == store.Delete && !live:
		return store.Version{}, nil
	}
	m.last = max(m.last+1, m.now)
	v := store.Version{Key: w.Key, VersionID: cur.VersionID + 1, Position: m.last, Op: w.Op, Deleted: w.Op == store.Delete, Body: w.Body}
	if w.Op == store.Put && !live {
		v.Op = store.PutNew
	}
	m.of[w.Key] = append(chain, v)
	m.feed = append(m.feed, v)
	if w.Resource != nil {
		m.ix[v.Position] = storetest.Parameters().Extract(w.Resource)
	}
	return v, nil
}

func (m *model) Holders(typ string, id store.Identifier) ([]store.Version, error) {
	var found []store.Version
	for _, v := range m.current(typ, m.last) {
		if slices.ContainsFunc(m.ix[v.Position], func(x search.Value) bool {
			return x.Param.Code == "identifier" && x.Code == id.Value && (id.System == nil || *id.System == x.System)
		}) {
			found = append(found, v)
		}
	}
	return found[:min(3, len(found))], nil
}

func (m *model) Newest(typ string, ids []store.Identifier) ([]store.Version, error) {
	newest := make([]store.Version, len(ids))
	for i, id := range ids {
		if holders, _ := m.Holders(typ, id); len(holders) > 0 {
			newest[i] = holders[0]
		}
	}
	return newest, nil
}

// Consented looks at all Consents; it does not know since when they are.
func (m *model) Consented(int64, int) ([]store.Consented, error) {
	said := map[string][]store.Agreed{}
	for _, v := range m.current("Consent", m.last) {
		r, err := fhir.ParseResource(v.Body)
		if err != nil {
			return nil, err
		}
		if a, ok := store.AgreedIn(r); ok {
			said[a.Patient] = append(said[a.Patient], a)
		}
	}
	var list []store.Consented
	for patient, all := range said {
		list = append(list, store.Consented{Patient: patient, Class: store.ClassOf(all), Position: m.last})
	}
	return list, nil
}

// current gives what of a type was current and not deleted at a position, newest first.
func (m *model) current(typ string, at int64) []store.Version {
	var list []store.Version
	for key, chain := range m.of {
		for i := len(chain) - 1; i >= 0 && key.Type == typ; i-- {
			if chain[i].Position <= at {
				if !chain[i].Deleted {
					list = append(list, chain[i])
				}
				break
			}
		}
	}
	slices.SortFunc(list, func(a, b store.Version) int { return cmp.Compare(b.Position, a.Position) })
	return list
}

// The model is a store.Store and a store.Reader.

func (m *model) View(_ context.Context, fn func(store.Reader) error) error { return fn(m) }

func (m *model) Glance(_ context.Context, fn func(store.Reader) error) error { return fn(m) }

func (m *model) Apply(_ context.Context, units ...store.Unit) []store.Outcome {
	return m.apply(units...)
}

func (m *model) Update(_ context.Context, fn func(store.Tx) error) error {
	trial := &modelTx{model: m.clone()}
	err := fn(trial)
	if err == nil {
		err = trial.spoiled
	}
	if err == nil {
		*m = *trial.model
	}
	return err
}

// Reindex has nothing to do: the model looks at every resource.
func (m *model) Reindex(context.Context, store.Reindexing) (store.Reindexed, error) {
	return store.Reindexed{Done: true}, nil
}

func (m *model) Follow(store.Learn) {}

func (m *model) Close() error { return nil }

type modelTx struct {
	*model
	spoiled error
}

func (t *modelTx) Write(w store.Write) (store.Version, error) {
	v, err := t.write(0, w)
	t.spoiled = cmp.Or(t.spoiled, err)
	return v, err
}

func (t *modelTx) WriteAll(writes []store.Write) store.Outcome {
	out := store.Outcome{Failed: -1}
	for i, w := range writes {
		v, err := t.write(i, w)
		if err != nil {
			t.spoiled = cmp.Or(t.spoiled, err)
			return store.Outcome{Err: err, Failed: i}
		}
		out.Versions = append(out.Versions, v)
	}
	return out
}

func (t *modelTx) PutRecord(w store.RecordWrite) error {
	_, err := t.unit(store.Unit{Records: []store.RecordWrite{w}})
	t.spoiled = cmp.Or(t.spoiled, err)
	return err
}

func (m *model) Position() (int64, error) { return m.last, nil }

func (m *model) Marks() (store.Marks, error) { return store.Marks{}, nil }

func (m *model) Read(key fhir.Key) (store.Version, error) {
	chain := m.of[key]
	if len(chain) == 0 {
		return store.Version{}, fhir.NotFound(key)
	}
	return chain[len(chain)-1], nil
}

func (m *model) ReadVersion(key fhir.Key, id int64) (store.Version, error) {
	for _, v := range m.of[key] {
		if v.VersionID == id {
			return v, nil
		}
	}
	return store.Version{}, fhir.NotFound(key)
}

func (m *model) Changes(after int64, limit int) ([]store.Version, error) {
	var list []store.Version
	for _, v := range m.feed {
		if v.Position > after && len(list) < limit {
			list = append(list, v)
		}
	}
	return list, nil
}

func (m *model) Record(collection, key string) ([]byte, bool, error) {
	value, ok := m.recs[[2]string{collection, key}]
	return value, ok, nil
}

func (m *model) RecordsOf(names []store.RecordName) (map[store.RecordName][]byte, error) {
	found := map[store.RecordName][]byte{}
	for _, name := range names {
		if value, ok, _ := m.Record(name.Collection, name.Key); ok {
			found[name] = value
		}
	}
	return found, nil
}

func (m *model) Records(collection, prefix, after string, limit int) ([]store.Record, error) {
	var list []store.Record
	for key, value := range m.recs {
		if key[0] == collection && strings.HasPrefix(key[1], prefix) && key[1] > after {
			list = append(list, store.Record{Key: key[1], Value: value})
		}
	}
	slices.SortFunc(list, func(a, b store.Record) int { return cmp.Compare(a.Key, b.Key) })
	return list[:min(limit, len(list))], nil
}

func (m *model) LastRecord(collection, prefix, atMost string) (store.Record, bool, error) {
	list, err := m.Records(collection, prefix, "", 1<<30)
	for _, r := range slices.Backward(list) {
		if r.Key <= atMost {
			return r, true, err
		}
	}
	return store.Record{}, false, err
}

// Search knows tokens, references, ids and dates with ge; sorting by one date; no include.
func (m *model) Search(q *search.Query) (store.Result, error) {
	at := m.last
	if q.After != nil {
		at = q.After.Snapshot
	}
	var list []store.Version
	for _, v := range m.current(q.Type, at) {
		if m.matches(q, v) {
			list = append(list, v)
		}
	}
	slices.SortStableFunc(list, func(a, b store.Version) int { return m.compare(q, a, b) })
	result := store.Result{Total: -1}
	if q.Total {
		result.Total = int64(len(list))
	}
	if q.After != nil {
		i := slices.IndexFunc(list, func(v store.Version) bool { return v.Position == q.After.Row })
		if i < 0 {
			return result, errors.New("the cursor's row is no match")
		}
		list = list[i+1:]
	}
	if len(list) > q.Count {
		list = list[:q.Count]
		if q.Count > 0 {
			result.Next = &search.Cursor{Snapshot: at, Row: list[q.Count-1].Position, Keys: m.keys(q, list[q.Count-1])}
		}
	}
	if q.Count > 0 {
		result.Matches = list
	}
	return result, nil
}

func (m *model) matches(q *search.Query, v store.Version) bool {
	for _, clause := range q.Filter {
		if !slices.ContainsFunc(clause.Operands, func(o search.Operand) bool {
			if clause.Param.Type == search.ID {
				return v.Key.ID == *o.Code
			}
			return slices.ContainsFunc(m.ix[v.Position], func(x search.Value) bool {
				return x.Param == clause.Param && valueMatches(o, x)
			})
		}) {
			return false
		}
	}
	return true
}

func valueMatches(o search.Operand, x search.Value) bool {
	switch x.Param.Type {
	case search.Token:
		return (o.System == nil || *o.System == x.System) && (o.Code == nil || *o.Code == x.Code)
	case search.ReferenceType:
		return o.Target.ID == x.Target.ID && (o.Target.Type == "" || o.Target.Type == x.Target.Type)
	}
	contained := o.Low <= x.Low && x.High <= o.High
	return contained || o.Prefix == search.Ge && x.High > o.High
}

func (m *model) keys(q *search.Query, v store.Version) []*int64 {
	keys := make([]*int64, len(q.Sort))
	for i, key := range q.Sort {
		for _, x := range m.ix[v.Position] {
			if x.Param == key.Param {
				keys[i] = &x.Low
				if key.Descending {
					keys[i] = &x.High
				}
			}
		}
	}
	return keys
}

func (m *model) compare(q *search.Query, a, b store.Version) int {
	x, y := m.keys(q, a), m.keys(q, b)
	for i, key := range q.Sort {
		switch {
		case x[i] == nil && y[i] == nil:
		case x[i] == nil:
			return 1
		case y[i] == nil:
			return -1
		case *x[i] != *y[i] && key.Descending:
			return cmp.Compare(*y[i], *x[i])
		case *x[i] != *y[i]:
			return cmp.Compare(*x[i], *y[i])
		}
	}
	return 0 // they are in the right order already
}
