package hl7pcd01

import (
	"math/big"
	"strings"
	"time"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/hl7v2"
)

// facet is what sub-rows say of a waveform: its samples per second, its range and
// how it was filtered (PCD TF-2 waveform content module).
type facet struct {
	rate  string
	limit *acom.Range
	words []string // other facets, for people
}

// facet keeps a sub-row for its metric, which may come before or after it.
func (g *group) facet(row result, c coded) {
	key := row.path.parent().String()
	f := g.facets[key]
	field := row.obx.Field(5)
	switch c.refID {
	case "MDC_ATTR_SAMP_RATE":
		f.rate, _ = decimal(field.Component(1).Text())
	case "MDC_ATTR_DATA_RANGE":
		low, lowOK := decimal(field.Component(1).Text())
		high, highOK := decimal(field.Component(2).Text())
		if lowOK && highOK {
			f.limit = &acom.Range{Low: low, High: high}
		}
	default:
		f.words = append(f.words, naming(c).Display+": "+short(whole(field)))
	}
	g.facets[key] = f
}

// wave reads an NA as samples, in the decimals they were sent as. Without a rate
// there is no telling when a sample was; the message keeps them then.
func (r *reader) wave(g *group, row result, m *acom.Measurement) {
	m.Kind = acom.RTSA
	f := g.facets[row.path.String()]
	m.Metric.Notes = append(m.Metric.Notes, f.words...)
	var samples []string
	for _, repetition := range row.obx.Field(5).Repetitions() {
		for _, p := range repetition.Components() {
			n, ok := decimal(p.Text())
			if !ok || r.isNever(n) {
				n = "E"
			}
			samples = append(samples, n)
		}
	}
	rate, ok := new(big.Rat).SetString(f.rate)
	if !ok || rate.Sign() <= 0 || len(samples) == 0 {
		m.Value = acom.Value{Absent: acom.AbsentError}
		m.Metric.Notes = append(m.Metric.Notes, "A waveform without a sample rate; its samples are in the message alone.")
		return
	}
	period := new(big.Rat).Inv(rate)
	m.Value = acom.Value{Samples: &acom.Samples{Period: period.RatString(), Decimals: samples, Limits: f.limit}}
	m.Duration = r.window(g.obr)
}

// window is how long OBR-7 to OBR-8 is, in seconds; "" when they do not say.
func (r *reader) window(obr hl7v2.Segment) string {
	start, ok := hl7v2.ParseTime(obr.Field(7).Component(1).Text())
	end, ended := hl7v2.ParseTime(obr.Field(8).Component(1).Text())
	if !ok || !ended || start.Parts < 6 || end.Parts < 6 {
		return ""
	}
	span := instant(end).Add(nanos(end.Fraction)).Sub(instant(start).Add(nanos(start.Fraction)))
	if span <= 0 || span > time.Hour {
		return ""
	}
	text := new(big.Rat).SetFrac64(int64(span), int64(time.Second)).FloatString(9)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

func nanos(fraction string) time.Duration {
	seconds, ok := new(big.Rat).SetString("0." + fraction + "0")
	if !ok {
		return 0
	}
	n := seconds.Mul(seconds, big.NewRat(int64(time.Second), 1))
	return time.Duration(n.Num().Int64() / n.Denom().Int64())
}
