package operation

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/path"
	"vitalwire/fhir/search"
	"vitalwire/fhir/ucum"
	"vitalwire/server/store"
)

// stats is Observation/$stats (R4 observation-operation-stats): statistics of the
// quantities in UCUM units that a subject's Observations have for a code, exact where
// a decimal can be. Values of different units are never counted in one: each unit has
// statistics of its own.
var stats = Operation{
	Definition: "http://hl7.org/fhir/OperationDefinition/Observation-stats",
	Needs:      gathers,
	Run:        runStats,
}

// Limits of one call.
const (
	maxMeasured    = 100_000 // measurements
	maxSources     = 1000
	defaultSources = 100
)

// coding is a code asked for.
type coding struct{ system, code string }

func (c coding) in(concept *fhir.Element) bool {
	for _, coding := range concept.Get("coding").Items() {
		if coding.Get("code").Text() == c.code && (c.system == "" || coding.Get("system").Text() == c.system) {
			return true
		}
	}
	return false
}

// statsCall is a call at work.
type statsCall struct {
	set     *Set
	call    Call
	subject string
	period  *fhir.Element // effectivePeriod of the answer
	dates   string        // of the search
	low     time.Time
	high    time.Time
	at      int64
	groups  []*group
	n       int
	sources []store.Version
	limit   int
	seen    map[fhir.Key]bool // of sources
}

// group is the measurements of one code.
type group struct {
	code  *fhir.Element // CodeableConcept
	key   string
	total int
	units []string
	by    map[string][]measurement
}

func runStats(ctx context.Context, s *Set, c Call) (Result, error) {
	w := &statsCall{set: s, call: c, subject: c.named("subject").Text(), seen: map[fhir.Key]bool{}}
	wanted, err := wantedStatistics(c.texts("statistic"))
	if err != nil {
		return Result{}, err
	}
	codings, err := w.codings()
	if err != nil {
		return Result{}, err
	}
	if err := w.readPeriod(); err != nil {
		return Result{}, err
	}
	if c.named("include").Text() == "true" {
		if w.limit, err = c.number("limit", defaultSources, 1); err != nil {
			return Result{}, err
		}
		w.limit = min(w.limit, maxSources)
	}
	if w.at, err = s.position(ctx); err != nil {
		return Result{}, err
	}
	list := fhir.NewArray()
	for _, one := range codings {
		w.groups = nil
		if err := w.gather(ctx, one); err != nil {
			return Result{}, err
		}
		for _, g := range w.groups {
			for _, o := range w.answer(g, wanted) {
				list.Append(fhir.NewObject(fhir.S("name", "statistics"), fhir.M("resource", o)))
			}
		}
	}
	for _, v := range w.sources {
		r, err := fhir.ParseElement(v.AppendJSON(nil))
		if err != nil {
			return Result{}, err
		}
		list.Append(fhir.NewObject(fhir.S("name", "source"), fhir.M("resource", r)))
	}
	r := fhir.NewResource("Parameters")
	r.Root().Set("parameter", list)
	return answer(r, nil)
}

// wantedStatistics checks the codes asked for.
func wantedStatistics(given []string) ([]string, error) {
	known := []string{totalCount}
	for _, s := range statistics {
		if !slices.Contains(known, s.code) {
			known = append(known, s.code)
		}
	}
	var wanted []string
	for _, code := range given {
		if other, ok := statisticAliases[code]; ok {
			code = other
		}
		if !slices.Contains(known, code) {
			return nil, fhir.BadSearch("statistic %.64q is not known; known are %s", code, strings.Join(known, ", ")).WithCode(fhir.CodeCodeInvalid)
		}
		if !slices.Contains(wanted, code) {
			wanted = append(wanted, code)
		}
	}
	if len(wanted) == 0 {
		return nil, fhir.Malformed("Parameters.parameter", "parameter statistic of $stats is missing").WithCode(fhir.CodeRequired)
	}
	return wanted, nil
}

func (w *statsCall) codings() ([]coding, error) {
	var list []coding
	for _, code := range w.call.texts("code") {
		list = append(list, coding{w.call.named("system").Text(), code})
	}
	for _, p := range w.call.In.Get("parameter").Items() {
		if p.Get("name").Text() == "coding" {
			list = append(list, coding{valueOf(p).Get("system").Text(), valueOf(p).Get("code").Text()})
		}
	}
	if len(list) == 0 || slices.ContainsFunc(list, func(c coding) bool { return c.code == "" }) {
		return nil, fhir.Malformed("Parameters.parameter", "$stats needs a code, or a coding with one").WithCode(fhir.CodeRequired)
	}
	return list, nil
}

// readPeriod reads duration, in hours up to now, or period.
func (w *statsCall) readPeriod() error {
	period := w.call.named("period")
	if given := w.call.named("duration"); given != nil {
		hours, ok := path.ParseDecimal(given.Text())
		if !ok || hours.Sign() <= 0 {
			return fhir.BadSearch("duration must be a number of hours over 0").WithCode(fhir.CodeValue)
		}
		f, _ := hours.Rat().Float64()
		now := time.Now().UTC()
		start := now.Add(-time.Duration(min(f, 1e6) * float64(time.Hour)))
		period = fhir.NewObject(fhir.S("start", fhir.FormatInstant(start)), fhir.S("end", fhir.FormatInstant(now)))
	}
	for name, prefix := range map[string]string{"start": "ge", "end": "le"} {
		text := period.Get(name).Text()
		if text == "" {
			continue
		}
		d, ok := fhir.ParseDateTime(text)
		if !ok {
			return fhir.BadSearch("period.%s must be a dateTime", name).WithCode(fhir.CodeValue)
		}
		w.dates += "&date=" + prefix + url.QueryEscape(text)
		if name == "start" {
			w.low = d.Low()
		} else {
			w.high = d.High()
		}
	}
	w.period = period
	return nil
}

// gather finds the measurements of a code: of Observations that have it, of their
// components and members when they are panels, and of components that have it.
func (w *statsCall) gather(ctx context.Context, of coding) error {
	text := "subject=" + url.QueryEscape(w.subject) + "&combo-code=" + url.QueryEscape(of.token()) + w.dates
	q, err := w.set.query("Observation", text)
	if err != nil {
		return err
	}
	q.Count, q.After = batchSize, from(w.at)
	asked := fhir.NewObject(fhir.M("coding", fhir.NewArray(of.element())))
	own := w.group(of.system+"|"+of.code, asked)
	return w.set.eachMatch(ctx, q, func(v store.Version) error {
		o, err := fhir.ParseElement(v.Body)
		if err != nil {
			return err
		}
		if !valid(o) {
			return nil
		}
		used := false
		for _, c := range o.Get("component").Items() {
			if of.in(c.Get("code")) {
				own.add(w, c, o)
				used = true
			}
		}
		if of.in(o.Get("code")) {
			used = true
			if hasValue(o) || o.Get("component") == nil && o.Get("hasMember") == nil {
				own.add(w, o, o)
			} else if err := w.panel(ctx, o, of); err != nil {
				return err
			}
		}
		if used {
			w.source(v)
		}
		if w.n > maxMeasured {
			return fhir.TooCostly("more than %d measurements; ask for a shorter period", maxMeasured)
		}
		return nil
	})
}

// panel adds the measurements of a panel, each under its own code.
func (w *statsCall) panel(ctx context.Context, o *fhir.Element, of coding) error {
	for _, c := range o.Get("component").Items() {
		if !of.in(c.Get("code")) { // those are counted already
			w.groupOf(c.Get("code")).add(w, c, o)
		}
	}
	for _, member := range o.Get("hasMember").Items() {
		key, ok := w.set.local(member.Get("reference").Text())
		if !ok || key.Type != "Observation" {
			continue
		}
		v, err := w.set.version(ctx, key, "")
		switch fhir.SituationOf(err) {
		case fhir.SituationNotFound, fhir.SituationDeleted:
			if err != nil {
				continue
			}
		}
		if err != nil {
			return err
		}
		m, err := fhir.ParseElement(v.Body)
		if err != nil {
			return err
		}
		if !valid(m) || m.Path("subject", "reference").Text() != o.Path("subject", "reference").Text() || !w.covers(m) || of.in(m.Get("code")) {
			continue
		}
		w.groupOf(m.Get("code")).add(w, m, m)
		w.source(v)
	}
	return nil
}

// valid reports whether an Observation may be counted (R4: not when entered in error;
// what a modifier extension means is not known here).
func valid(o *fhir.Element) bool {
	return o.Get("status").Text() != "entered-in-error" && o.Get("modifierExtension") == nil
}

func hasValue(o *fhir.Element) bool {
	for _, m := range o.Members() {
		if strings.HasPrefix(m.Name, "value") {
			return true
		}
	}
	return false
}

// covers reports whether an Observation lies in the period, as the search finds it.
func (w *statsCall) covers(o *fhir.Element) bool {
	low, high, ok := effective(o)
	if !ok {
		return w.dates == ""
	}
	return (w.low.IsZero() || high > w.low.UnixMicro()) && (w.high.IsZero() || low < w.high.UnixMicro())
}

// effective is when an Observation was made: from and to, in microseconds.
func effective(o *fhir.Element) (low, high int64, ok bool) {
	for _, name := range []string{"effectiveDateTime", "effectiveInstant"} {
		if d, good := fhir.ParseDateTime(o.Get(name).Text()); good {
			return d.Low().UnixMicro(), d.High().UnixMicro(), true
		}
	}
	period := o.Get("effectivePeriod")
	from, hasFrom := fhir.ParseDateTime(period.Get("start").Text())
	to, hasTo := fhir.ParseDateTime(period.Get("end").Text())
	low, high = search.Earliest, search.Latest
	if hasFrom {
		low = from.Low().UnixMicro()
	}
	if hasTo {
		high = to.High().UnixMicro()
	}
	return low, high, hasFrom || hasTo
}

func (w *statsCall) source(v store.Version) {
	if len(w.sources) < w.limit && !w.seen[v.Key] {
		w.seen[v.Key] = true
		w.sources = append(w.sources, v)
	}
}

func (c coding) token() string {
	escape := strings.NewReplacer(`\`, `\\`, `,`, `\,`, `|`, `\|`, `$`, `\$`)
	if c.system == "" {
		return escape.Replace(c.code)
	}
	return escape.Replace(c.system) + "|" + escape.Replace(c.code)
}

func (c coding) element() *fhir.Element {
	e := fhir.NewObject()
	if c.system != "" {
		e.Set("system", fhir.NewString(c.system))
	}
	e.Set("code", fhir.NewString(c.code))
	return e
}

func (w *statsCall) group(key string, code *fhir.Element) *group {
	for _, g := range w.groups {
		if g.key == key {
			return g
		}
	}
	g := &group{code: code, key: key, by: map[string][]measurement{}}
	w.groups = append(w.groups, g)
	return g
}

// groupOf is the group of a panel's measurement: its first coding, else its text.
func (w *statsCall) groupOf(concept *fhir.Element) *group {
	for _, c := range concept.Get("coding").Items() {
		if code := c.Get("code").Text(); code != "" {
			return w.group(c.Get("system").Text()+"|"+code, concept)
		}
	}
	return w.group("text "+concept.Get("text").Text(), concept)
}

// add counts the value of an Observation or component, made when the Observation was.
func (g *group) add(w *statsCall, of, observation *fhir.Element) {
	g.total++
	w.n++
	q := of.Get("valueQuantity")
	value, ok := path.ParseDecimal(q.Get("value").Text())
	unit := q.Get("code").Text()
	if !ok || q.Get("system").Text() != search.UCUM || !ucum.Valid(unit) || q.Get("comparator") != nil || of.Get("modifierExtension") != nil {
		return
	}
	if _, known := g.by[unit]; !known {
		g.units = append(g.units, unit)
	}
	m := measurement{value: value.Rat(), text: q.Get("value").Text()}
	low, high, timed := effective(observation)
	if m.timed = timed && low != search.Earliest; m.timed {
		m.at = low
	} else if m.timed = timed && high != search.Latest; m.timed {
		m.at = high
	}
	g.by[unit] = append(g.by[unit], m)
}
