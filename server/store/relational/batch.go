package relational

import (
	"bytes"
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"vitalwire/fhir"
	"vitalwire/server/store"
	"vitalwire/server/store/body"
)

// prepared is a unit made ready outside the transaction: checked, and with its
// index rows.
type prepared struct {
	unit   store.Unit
	rows   []rows
	bodies []packed
	unless []wanted // one for each write; key 0 for none
	epoch  int64    // of the search parameters that rows were made by
}

// packed is a body as it is stored.
type packed struct {
	codec int
	bytes []byte
}

// wanted is an identifier that must not be there.
type wanted struct {
	key, sub int64
	any      bool // any system
	set      bool
}

// prepare fails on what no store could keep: those are our faults, not the client's.
// The facts of a resource are many times its rows, so they live no longer than it takes.
func (s *Store) prepare(unit store.Unit) (*prepared, error) {
	n := len(unit.Writes)
	p := &prepared{unit: unit, rows: make([]rows, n), bodies: make([]packed, n), unless: make([]wanted, n), epoch: s.cfg.Search.Epoch()}
	failures := make([]error, n)
	each(n, func(i int) { failures[i] = s.prepareWrite(p, i) })
	return p, cmp.Or(failures...)
}

func (s *Store) prepareWrite(p *prepared, i int) error {
	w := &p.unit.Writes[i]
	if err := checkWrite(w); err != nil {
		return err
	}
	if w.Op != store.Delete {
		r, err := resourceOf(w)
		if err != nil {
			return err
		}
		p.rows[i] = s.indexOf(w.Key, r, s.cfg.Search.Extract(r))
		p.bodies[i].codec, p.bodies[i].bytes = body.Pack(w.Body)
	}
	if w.Unless != nil {
		p.unless[i] = wantedOf(w.Key.Type, w.Unless)
	}
	return nil
}

// each calls do for 0 to n-1, for several at once when they are many. The calls
// touch nothing in common.
func each(n int, do func(i int)) {
	workers := min(runtime.GOMAXPROCS(0), n/16)
	if workers < 2 {
		for i := range n {
			do(i)
		}
		return
	}
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			for i := w; i < n; i += workers {
				do(i)
			}
		})
	}
	wait.Wait()
}

func checkWrite(w *store.Write) error {
	if !fhir.ValidType(w.Key.Type) || !fhir.ValidID(w.Key.ID) {
		return fmt.Errorf("store: %q is no key", w.Key)
	}
	switch w.Op {
	case store.Create, store.Put:
		if !bytes.HasPrefix(w.Body, []byte(`{"resourceType":"`+w.Key.Type+`","id":"`+w.Key.ID+`"`)) {
			return fmt.Errorf("store: the body of %s does not begin with its identity", w.Key)
		}
	case store.Delete:
		if w.Body != nil {
			return fmt.Errorf("store: a delete of %s with a body", w.Key)
		}
	default:
		return fmt.Errorf("store: unknown op %d of %s", w.Op, w.Key)
	}
	return nil
}

func wantedOf(typ string, id *store.Identifier) wanted {
	w := wanted{key: hash(factCode, typ, "identifier", id.Value), set: true, any: id.System == nil}
	if !w.any {
		w.sub = subOf(*id.System)
	}
	return w
}

func (w wanted) matches(e entry) bool { return e.key == w.key && (w.any || w.sub == e.sub) }

// current is what is known of a resource's newest version.
type current struct {
	pos, vid, shard int64
	deleted         bool
}

// recordKey names a record.
type recordKey = store.RecordName

// recordState is a record's value; nil when there is none.
type recordState struct{ value []byte }

// batch gathers what one transaction will write. It answers each unit's
// preconditions from what was read of the database and what earlier units of the
// batch have done, and takes a failing unit out again without a trace.
type batch struct {
	last int64 // newest position
	now  int64 // clock, microseconds

	keys    map[fhir.Key]current // absent: read and not there
	known   map[fhir.Key]bool
	records map[recordKey]recordState
	holders map[wanted]int64 // newest live holder in the database, 0 for none

	versions []newVersion
	dead     map[int64]int64 // position of a version -> since when it is past
	deadRows []pastRow
	items    []placedItem
	codes    []placedCode
	entries  []placedEntry
	spans    []placedSpan
	texts    []placedText
	amounts  []placedAmount
	words    []placedWords
	places   []placedPlace
	consents []placedConsent
	changed  map[recordKey]bool
	// held lists, for each identifier key that some unit asks for, where in entries
	// it stands; what was taken out again no longer matches there.
	held map[int64][]int

	undo []func()

	first store.Version // the first one made, to know the batch by
	wrote bool          // rows were flushed before

	rules, terms, agreed bool // what the marks are of was written, or nearly
	consented            bool // a Consent was, or nearly
}

type newVersion struct {
	store.Version
	shard int64
	body  packed
}

type pastRow struct{ pos, shard, until, typ int64 }

type placedEntry struct {
	entry
	pos, shard int64
}

type placedSpan struct {
	span
	pos, shard int64
}

func newBatch(last, now int64) *batch {
	return &batch{
		last: last, now: now,
		keys: map[fhir.Key]current{}, known: map[fhir.Key]bool{},
		records: map[recordKey]recordState{}, holders: map[wanted]int64{},
		dead: map[int64]int64{}, changed: map[recordKey]bool{}, held: map[int64][]int{},
	}
}

// mark is a place in the batch to go back to.
type mark struct {
	last                                      int64
	versions, deadRows, entries, spans, undos int
	texts, amounts, items, codes              int
	words, places, consents                   int
}

func (b *batch) mark() mark {
	return mark{b.last, len(b.versions), len(b.deadRows), len(b.entries), len(b.spans), len(b.undo), len(b.texts), len(b.amounts), len(b.items), len(b.codes), len(b.words), len(b.places), len(b.consents)}
}

func (b *batch) back(m mark) {
	for _, undo := range slices.Backward(b.undo[m.undos:]) {
		undo()
	}
	for _, row := range b.deadRows[m.deadRows:] {
		delete(b.dead, row.pos)
	}
	b.last = m.last
	b.versions, b.deadRows, b.entries = b.versions[:m.versions], b.deadRows[:m.deadRows], b.entries[:m.entries]
	b.spans, b.undo = b.spans[:m.spans], b.undo[:m.undos]
	b.texts, b.amounts = b.texts[:m.texts], b.amounts[:m.amounts]
	b.items, b.codes = b.items[:m.items], b.codes[:m.codes]
	b.words, b.places, b.consents = b.words[:m.words], b.places[:m.places], b.consents[:m.consents]
}

// write evaluates one write and, when it may be, puts it in the batch. find
// fetches what the answer of a failure shows.
func (b *batch) write(index int, p *prepared, find finder) (store.Version, error) {
	w := &p.unit.Writes[index]
	cur, exists := b.keys[w.Key]
	if err := b.allowed(index, p, cur, exists, find); err != nil {
		return store.Version{}, err
	}
	if w.Op == store.Delete && (!exists || cur.deleted) {
		return store.Version{}, nil
	}
	b.last = max(b.last+1, b.now)
	next := current{pos: b.last, vid: cur.vid + 1, shard: w.Shard, deleted: w.Op == store.Delete}
	if exists {
		next.shard = cur.shard
	}
	v := store.Version{Key: w.Key, VersionID: next.vid, Position: next.pos, Op: w.Op, Deleted: next.deleted, Body: w.Body}
	if w.Op == store.Put && (!exists || cur.deleted) {
		v.Op = store.PutNew
	}
	b.versions = append(b.versions, newVersion{v, next.shard, p.bodies[index]})
	b.terms = b.terms || store.IsDefinition(w.Key.Type)
	b.agreed = b.agreed || store.IsConsent(w.Key.Type)
	b.consented = b.consented || w.Key.Type == "Consent"
	if exists && !cur.deleted {
		b.dead[cur.pos] = next.pos
		b.deadRows = append(b.deadRows, pastRow{cur.pos, cur.shard, next.pos, typeKey(w.Key.Type)})
	}
	found := &p.rows[index]
	for i, e := range found.entries {
		if at, asked := b.held[e.key]; asked {
			b.held[e.key] = append(at, len(b.entries)+i)
		}
	}
	if !next.deleted {
		b.place(found, next.pos, next.shard)
	}
	if w.Key.Type == store.Audited {
		if err := b.link(v); err != nil {
			return store.Version{}, err
		}
	}
	b.keys[w.Key] = next
	b.undo = append(b.undo, func() {
		if exists {
			b.keys[w.Key] = cur
		} else {
			delete(b.keys, w.Key)
		}
	})
	return v, nil
}

// place puts index rows of a version in the batch.
func (b *batch) place(r *rows, pos, shard int64) {
	b.items = append(b.items, placedItem{r.item, pos, shard})
	for _, c := range r.codes {
		b.codes = append(b.codes, placedCode{c, pos, shard})
	}
	for _, e := range r.entries {
		b.entries = append(b.entries, placedEntry{e, pos, shard})
	}
	for _, sp := range r.spans {
		b.spans = append(b.spans, placedSpan{sp, pos, shard})
	}
	for _, t := range r.texts {
		b.texts = append(b.texts, placedText{t, pos, shard})
	}
	for _, a := range r.amounts {
		b.amounts = append(b.amounts, placedAmount{a, pos, shard})
	}
	if len(r.terms) > 0 {
		b.words = append(b.words, placedWords{string(r.terms), pos, shard})
	}
	for _, p := range r.places {
		b.places = append(b.places, placedPlace{p, pos, shard})
	}
	if r.consent != nil {
		b.consents = append(b.consents, placedConsent{*r.consent, pos, shard})
	}
}

// finder reads versions for the answer of a failed precondition.
type finder interface {
	// at gives the versions at positions in the database, newest first.
	at(positions []int64) ([]store.Version, error)
	// holding gives positions of live versions in the database with an
	// identifier, newest first, at most limit.
	holding(w wanted, limit int) ([]int64, error)
}

// allowed checks the preconditions of one write.
func (b *batch) allowed(index int, p *prepared, cur current, exists bool, find finder) error {
	w := &p.unit.Writes[index]
	if w.IfMatch != 0 && (!exists || cur.vid != w.IfMatch) {
		// R4 http §3.1.0.5: a stale If-Match is 412.
		err := fhir.PreconditionFailed("version %d of %s is not the current one", w.IfMatch, w.Key)
		if exists {
			err = err.WithETag(store.Version{VersionID: cur.vid}.ETag())
		}
		return err
	}
	if w.Makes != 0 && w.Makes != w.Made(cur.vid, exists && !cur.deleted) {
		return fhir.Conflict("%s was changed meanwhile", w.Key).WithCause(store.ErrMoved)
	}
	if w.IfAbsent && exists && !cur.deleted {
		return b.exists(index, []int64{cur.pos}, find)
	}
	if want := p.unless[index]; want.set {
		found, err := b.holding(want, find)
		if err != nil {
			return err
		}
		if len(found) > 0 {
			return b.exists(index, found, find)
		}
	}
	if w.Op == store.Create && exists {
		return fhir.Conflict("%s was used before", w.Key)
	}
	return nil
}

// maxMatches is how many matches an Exists lists.
const maxMatches = 3

// holding gives the positions of live versions with an identifier, newest first,
// at most maxMatches: those of this batch and those of the database.
func (b *batch) holding(want wanted, find finder) ([]int64, error) {
	var found []int64
	for _, at := range slices.Backward(b.held[want.key]) {
		if at >= len(b.entries) {
			continue
		}
		if e := b.entries[at]; want.matches(e.entry) && b.dead[e.pos] == 0 && !slices.Contains(found, e.pos) {
			found = append(found, e.pos)
		}
	}
	if newest, asked := b.holders[want]; !asked || newest != 0 {
		stored, err := find.holding(want, maxMatches+len(b.deadRows))
		if err != nil {
			return nil, err
		}
		for _, pos := range stored {
			if b.dead[pos] == 0 && !slices.Contains(found, pos) {
				found = append(found, pos)
			}
		}
	}
	return found[:min(len(found), maxMatches)], nil
}

func (b *batch) exists(index int, positions []int64, find finder) error {
	var matches []store.Version
	var stored []int64
	for _, pos := range positions {
		i := slices.IndexFunc(b.versions, func(v newVersion) bool { return v.Position == pos })
		if i >= 0 {
			matches = append(matches, b.versions[i].Version)
		} else {
			stored = append(stored, pos)
		}
	}
	if len(stored) > 0 {
		more, err := find.at(stored)
		if err != nil {
			return err
		}
		matches = append(matches, more...)
	}
	return &store.Exists{Write: index, Matches: matches}
}

// putRecord evaluates one record write and puts it in the batch.
func (b *batch) putRecord(w store.RecordWrite) error {
	key := recordKey{Collection: w.Collection, Key: w.Key}
	was, known := b.records[key]
	if w.IfAbsent && was.value != nil {
		return fhir.Conflict("the record exists already")
	}
	if w.IfValue != nil && (was.value == nil || !bytes.Equal(was.value, w.IfValue)) {
		return fhir.Conflict("the record was changed meanwhile")
	}
	b.rules = b.rules || w.Collection == store.SearchParameters
	changed := b.changed[key]
	b.records[key], b.changed[key] = recordState{w.Value}, true
	b.undo = append(b.undo, func() {
		if known {
			b.records[key] = was
		} else {
			delete(b.records, key)
		}
		if !changed {
			delete(b.changed, key)
		}
	})
	return nil
}

// empty reports whether the batch changes nothing.
func (b *batch) empty() bool { return !b.wrote && len(b.versions) == 0 && len(b.changed) == 0 }

// flushed forgets the rows, which are in the database now, and what they make stale.
func (b *batch) flushed() {
	b.wrote = b.wrote || !b.empty()
	b.versions, b.deadRows, b.entries, b.spans, b.undo = nil, nil, nil, nil, nil
	b.texts, b.amounts, b.items, b.codes = nil, nil, nil, nil
	b.words, b.places, b.consents, b.consented = nil, nil, nil, false
	clear(b.changed)
	clear(b.holders)
	clear(b.held)
	clear(b.dead)
}
