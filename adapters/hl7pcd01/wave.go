package hl7pcd01

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"strings"
	"time"
	"unicode/utf8"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/hl7v2"
	"vitalwire/fhir/term"
)

// facet is what sub-rows say of a waveform: its samples per second, its range and
// how it was filtered (PCD TF-2 waveform content module).
type facet struct {
	rate  string // samples in a second
	limit *acom.Range
	words []string // other facets, for people
}

// said is the facets of a metric that is no waveform, for people.
func (f facet) said() []string {
	words := f.words[:len(f.words):len(f.words)]
	if f.rate != "" {
		words = append(words, "MDC_ATTR_SAMP_RATE: "+f.rate)
	}
	if f.limit != nil {
		words = append(words, "MDC_ATTR_DATA_RANGE: "+f.limit.Low+" to "+f.limit.High)
	}
	return words
}

// facet keeps a sub-row for its metric, which may come before or after it.
func (g *group) facet(r *reader, row *result, c *coded) {
	key := row.path.parent().String()
	if g.facets == nil {
		g.facets = map[string]facet{}
	}
	f := g.facets[key]
	field := row.obx.Field(5)
	switch c.refID {
	case "MDC_ATTR_SAMP_RATE", "MDC_ATTR_TIME_PD_SAMP":
		f.rate = r.rate(row.obx, c.refID == "MDC_ATTR_TIME_PD_SAMP")
		if f.rate == "" {
			f.words = append(f.words, c.refID+": "+short(strings.TrimSpace(whole(field)+" "+row.obx.Field(6).Component(2).Text())))
		}
	case "MDC_ATTR_DATA_RANGE":
		low, lowOK := decimal(field.Component(1).Text())
		high, highOK := decimal(field.Component(2).Text())
		if lowOK && highOK {
			f.limit = &acom.Range{Low: low, High: high}
		}
	default:
		name := naming(c)
		f.words = append(f.words, cmp.Or(name.Display, name.Code)+": "+short(whole(field)))
	}
	g.facets[key] = f
}

// rates are what units of a sample rate or a sample period are in hertz or seconds.
var rates = map[string]*big.Rat{
	"Hz": big.NewRat(1, 1), "/s": big.NewRat(1, 1), "kHz": big.NewRat(1000, 1), "/ms": big.NewRat(1000, 1), "/min": big.NewRat(1, 60),
	"MDC_DIM_HZ": big.NewRat(1, 1), "MDC_DIM_KILO_HZ": big.NewRat(1000, 1),
	"s": big.NewRat(1, 1), "ms": big.NewRat(1, 1000), "us": big.NewRat(1, 1_000_000),
}

// rate reads a sample rate, or the period between samples, as samples in a second; "" for
// what is neither. Without a unit it is hertz, or seconds.
func (r *reader) rate(obx *hl7v2.Segment, period bool) string {
	plain, ok := decimal(obx.Field(5).Component(1).Text())
	if !ok || len(plain) > 30 {
		return ""
	}
	value, ok := new(big.Rat).SetString(plain)
	if !ok || value.Sign() <= 0 {
		return ""
	}
	sent := r.unit(obx.Field(6))
	code, foreign := sent.code, sent.foreign
	known, _ := term.LookupUnit(uint32(code))
	unit := known.UCUM
	if foreign != nil {
		unit = cmp.Or(foreign.Code, foreign.Display)
	}
	factor, ok := rates[unit]
	seconds := unit == "s" || unit == "ms" || unit == "us"
	switch {
	case unit == "" && code == 0:
		factor = rates["s"]
	case !ok || seconds != period:
		return ""
	}
	if value.Mul(value, factor); period {
		value.Inv(value)
	}
	if !period && factor.Num().IsInt64() && factor.Num().Int64() == 1 && factor.IsInt() {
		return plain
	}
	return value.RatString()
}

// samples reports whether a row is a waveform: an array, or encapsulated data that has
// a sample rate.
func (g *group) samples(row *result, typ string) bool {
	return typ == "NA" || typ == "MA" || typ == "ED" && g.facets[row.path.String()].rate != ""
}

// wave reads samples, in the decimals they were sent as. Without a rate there is no
// telling when a sample was; the message keeps them then.
func (r *reader) wave(g *group, row *result, m *acom.Measurement) {
	m.Kind = acom.RTSA
	f := g.facets[row.path.String()]
	m.Metric.Notes = append(m.Metric.Notes, f.words...)
	samples, dimensions, ok := r.array(row.obx)
	if !ok {
		m.Value = acom.Value{Absent: acom.AbsentUnsupported}
		m.Metric.Notes = append(m.Metric.Notes, "The encoding of the samples is not read; they are in the message alone.")
		return
	}
	rate, ok := new(big.Rat).SetString(f.rate)
	if !ok || rate.Sign() <= 0 || len(samples) == 0 {
		m.Value = acom.Value{Absent: acom.AbsentError}
		m.Metric.Notes = append(m.Metric.Notes, "A waveform without a sample rate; its samples are in the message alone.")
		return
	}
	period := new(big.Rat).Inv(rate)
	m.Value = acom.Value{Samples: &acom.Samples{Period: period.RatString(), Decimals: samples, Dimensions: dimensions, Limits: f.limit}}
	if m.Duration = r.window(g.obr); m.Duration == "" || !row.obx.Field(14).Empty() {
		m.Duration = lasting(period, len(samples)/max(dimensions, 1))
	}
}

// maxGaps is how many samples an array may leave out at the ends of its repetitions.
const maxGaps = 10_000

// array reads OBX-5 as samples, "E" where none is. An NA is one series, in however
// many repetitions; an MA has a repetition for each moment and a component for each
// channel (HL7 2.6, 2.A.41 and 2.A.46), and channels that a moment lacks are gaps.
// Encapsulated data is read where it is text. ok is false for an encoding that is none
// of these.
func (r *reader) array(obx *hl7v2.Segment) (samples []string, dimensions int, ok bool) {
	field := obx.Field(5)
	add := func(text string) {
		n, ok := decimal(text)
		if !ok || r.isNever(n) {
			n = "E"
		}
		samples = append(samples, n)
	}
	typ := strings.ToUpper(obx.Field(2).Component(1).Text())
	if typ == "ED" {
		text, ok := encapsulated(field)
		if !ok || strings.Trim(text, "0123456789+-.^~,; \t\r\n") != "" {
			return nil, 0, false
		}
		for _, word := range strings.FieldsFunc(text, func(c rune) bool { return strings.ContainsRune("^~,; \t\r\n", c) }) {
			add(word)
		}
		return samples, 0, true
	}
	gaps := 0
	for _, repetition := range field.Repetitions() {
		channels := repetition.Components()
		if typ == "MA" && dimensions == 0 {
			dimensions = len(channels)
		}
		for i, p := range channels {
			if typ != "MA" || i < dimensions {
				add(p.Text())
			}
		}
		if gaps += max(dimensions-len(channels), 0); gaps > maxGaps {
			return nil, 0, false
		}
		for i := len(channels); i < dimensions; i++ {
			samples = append(samples, "E")
		}
	}
	if dimensions == 1 {
		dimensions = 0
	}
	return samples, dimensions, true
}

// encapsulated is the data of an ED as text (HL7 2.6, 2.A.24): in its own characters,
// in hex or in base64.
func encapsulated(field hl7v2.Part) (string, bool) {
	data := field.Component(5).Text()
	switch strings.ToUpper(field.Component(4).Text()) {
	case "A":
		return data, true
	case "HEX":
		raw, err := hex.DecodeString(data)
		return string(raw), err == nil && utf8.Valid(raw)
	case "BASE64":
		raw, err := base64.StdEncoding.DecodeString(data)
		return string(raw), err == nil && utf8.Valid(raw)
	}
	return "", false
}

// lasting is how long so many samples are, in seconds: those of a row that tells its own start
// are not all of the window of its OBR.
func lasting(period *big.Rat, samples int) string {
	span := new(big.Rat).Mul(period, new(big.Rat).SetInt64(int64(samples)))
	text := span.FloatString(9)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// window is how long OBR-7 to OBR-8 is, in seconds; "" when they do not say.
func (r *reader) window(obr *hl7v2.Segment) string {
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
