package template

import (
	"math/big"
	"slices"
	"strings"
	"time"

	"vitalwire/adapters/acom"
)

// reports makes facts of the readings: those of one device, patient and encounter in
// one report, in the order they were found.
func (r *run) reports() ([]acom.Report, error) {
	type owner struct{ device, patient, encounter string }
	index := map[owner]int{}
	var reports []acom.Report
	bundles := r.bundles()
	for i := range bundles {
		b := &bundles[i]
		m, ok, err := r.measurement(b)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		first := b.readings[0]
		o := owner{first.device, first.patient, first.encounter}
		at, there := index[o]
		if !there {
			if err := r.budget.Take(1, 1500); err != nil {
				return nil, r.failed(first.rule, r.root, "device", err.Error())
			}
			at = len(reports)
			index[o], reports = at, append(reports, r.report(first))
		}
		if reports[at].Measurements == nil && len(index) == 1 {
			reports[at].Measurements = make([]acom.Measurement, 0, len(bundles)-i)
		}
		reports[at].Measurements = append(reports[at].Measurements, m)
	}
	return reports, nil
}

// report is one without measurements yet.
func (r *run) report(x *reading) acom.Report {
	t := r.template
	report := acom.Report{Service: t.sender, Template: &acom.Template{Name: t.Name, Version: t.Version, Digest: t.Digest}}
	d := &report.Device
	switch {
	case x.device == "":
		d.Local = t.sender
	case x.rule.ids == "eui64":
		d.SystemID = x.device
	case x.rule.ids == "mac":
		d.Address = x.device
	default:
		// Books keep names between slashes.
		d.Local = t.sender + ":" + strings.ReplaceAll(x.device, "/", "%2F")
	}
	d.Manufacturer, d.Model, d.Serial = x.about["manufacturer"], x.about["model"], x.about["serial"]
	if firmware := x.about["firmware"]; firmware != "" {
		d.Production = []acom.Production{{Type: 531976, Text: firmware}} // MDC_ID_PROD_SPEC_FW
	}
	if x.patient != "" || x.encounter != "" {
		report.Subject = &acom.Subject{}
		if x.patient != "" {
			id := acom.SubjectID{Value: x.patient, Namespace: t.sender}
			if x.rule.patients != "" {
				id = acom.SubjectID{Value: x.patient, Universal: x.rule.patients, UniversalType: "URI"}
			}
			report.Subject.Identifiers = append(report.Subject.Identifiers, id)
		}
		if x.encounter != "" {
			report.Subject.Identifiers = append(report.Subject.Identifiers, acom.SubjectID{Value: x.encounter, Namespace: t.sender, Type: "VN"})
		}
	}
	return report
}

// plainHex is upper-case hex without separators, "" for what is none.
func plainHex(text string) string {
	if len(text) > 40 {
		return ""
	}
	plain := make([]byte, 0, 24)
	for _, c := range strings.ToUpper(text) {
		switch {
		case c >= '0' && c <= '9' || c >= 'A' && c <= 'F':
			plain = append(plain, byte(c))
		case c != '-' && c != ':' && c != '.':
			return ""
		}
	}
	return string(plain)
}

// bundle is the readings that one Observation is made of, or one series.
type bundle struct {
	shape    *shape
	readings []*reading
	// series is set for samples at the times of their readings.
	series bool
}

// bundles sorts readings into what becomes one Observation (periodInterval of
// iomt-fhir): those of one correlation, or samples of an hour or a day that lie
// exactly a number of periods apart. Readings of other values are never merged but
// with those that have the same time and other names.
func (r *run) bundles() []bundle {
	list := make([]bundle, 0, len(r.readings))
	open := map[string]int{}
	order := r.readings
	if slices.ContainsFunc(order, func(x *reading) bool { return r.template.shapes[x.rule.kind].interval != 0 }) {
		slices.SortStableFunc(order, func(a, b *reading) int { return instant(a.time).Compare(instant(b.time)) })
	}
	for i, x := range order {
		s := r.template.shapes[x.rule.kind]
		if s.interval != 0 {
			key := strings.Join([]string{x.device, x.patient, x.encounter, x.rule.kind, s.bucket(x)}, "\x00")
			if at, ok := open[key]; ok && list[at].takes(x) {
				list[at].readings = append(list[at].readings, x)
				continue
			}
			open[key] = len(list)
		}
		list = append(list, bundle{shape: s, readings: order[i : i+1 : i+1], series: s.series})
	}
	return list
}

// bucket is the interval that a reading belongs to.
func (s *shape) bucket(x *reading) string {
	if s.interval < 0 {
		return x.group
	}
	if x.time.Wall == nil || x.time.Wall.DateOnly {
		return "-"
	}
	return instant(x.time).Truncate(time.Duration(s.interval) * time.Minute).Format(time.RFC3339)
}

// instant orders times; one of an unknown zone is taken as it stands.
func instant(t acom.Time) time.Time {
	w := t.Wall
	if w == nil {
		return time.Time{}
	}
	nanos := 0
	for i, place := 0, 100_000_000; i < len(w.Fraction) && place > 0; i, place = i+1, place/10 {
		nanos += int(w.Fraction[i]-'0') * place
	}
	at := time.Date(w.Year, time.Month(w.Month), w.Day, w.Hour, w.Minute, w.Second, nanos, time.UTC)
	if w.OffsetMinutes != nil {
		at = at.Add(-time.Duration(*w.OffsetMinutes) * time.Minute)
	}
	return at
}

// mostGap is how many missing samples may stand between two of a series.
const mostGap = 100

// takes reports whether a reading goes on with the bundle.
func (b *bundle) takes(x *reading) bool {
	first, last := b.readings[0], b.readings[len(b.readings)-1]
	if b.series {
		period := b.shape.values()[0].span()
		from, now := instant(last.time), instant(x.time)
		gap := now.Sub(from)
		return period > 0 && gap > 0 && gap%period == 0 && gap/period <= mostGap && sameZone(first.time, x.time) && !x.absentValue() && !first.absentValue()
	}
	if b.shape.interval > 0 && !instant(x.time).Equal(instant(first.time)) {
		return false
	}
	if len(b.readings) > 32 {
		return false
	}
	for _, other := range b.readings {
		for i := range other.rule.values {
			if name := other.rule.values[i].name; other.values[i].there && x.has(name) {
				return false
			}
		}
	}
	return true
}

func sameZone(a, b acom.Time) bool {
	if a.Wall == nil || b.Wall == nil {
		return false
	}
	x, y := a.Wall.OffsetMinutes, b.Wall.OffsetMinutes
	return x == nil && y == nil || x != nil && y != nil && *x == *y
}

func (x *reading) has(name string) bool {
	v, ok := x.named(name)
	return ok && v.there
}

func (x *reading) named(name string) (value, bool) {
	for i := range x.rule.values {
		if x.rule.values[i].name == name {
			return x.values[i], true
		}
	}
	return value{}, false
}

func (x *reading) absentValue() bool {
	return slices.ContainsFunc(x.values, func(v value) bool { return v.absent != 0 || v.list != nil })
}

// span is the period of samples, 0 when it is no whole number of nanoseconds.
func (v valueShape) span() time.Duration {
	ms, ok := new(big.Rat).SetString(v.period)
	if !ok {
		return 0
	}
	ns := ms.Mul(ms, big.NewRat(int64(time.Millisecond), 1))
	if !ns.IsInt() || !ns.Num().IsInt64() {
		return 0
	}
	return time.Duration(ns.Num().Int64())
}

// positive reports whether a text is a decimal above 0 and below a year in ms.
func positive(text string) bool {
	r, ok := new(big.Rat).SetString(text)
	return ok && len(text) <= 24 && r.Sign() > 0 && r.Cmp(big.NewRat(31_536_000_000, 1)) <= 0
}

// seconds writes milliseconds as seconds.
func seconds(millis *big.Rat) string {
	text := new(big.Rat).Quo(millis, big.NewRat(1000, 1)).FloatString(12)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}
