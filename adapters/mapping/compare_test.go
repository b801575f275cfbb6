package mapping

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"vitalwire/adapters/acom"
	"vitalwire/fhir"
)

// words for people, which the guide leaves to the writer and writes differently
// from page to page: not compared.
var wording = []string{"id", "language", "text", "display", "unit", "assigner"}

// leaves lists what a resource says as "path=value" lines. An item of an array is
// named by its code or url, so that order does not matter; numbers are compared as
// numbers (their text is tested elsewhere).
func leaves(e *fhir.Element) []string {
	var list []string
	var walk func(path string, e *fhir.Element)
	walk = func(path string, e *fhir.Element) {
		switch e.Kind() {
		case fhir.Object:
			for _, m := range e.Members() {
				if !slices.Contains(wording, m.Name) {
					walk(path+"."+m.Name, m.Value)
				}
			}
		case fhir.Array:
			for _, item := range e.Items() {
				walk(path+"["+label(item)+"]", item)
			}
		case fhir.Number:
			r, _ := new(big.Rat).SetString(e.Text())
			list = append(list, path+"="+r.RatString())
		default:
			// One blank in the guide's rtsa-example-2 is a no-break space.
			list = append(list, path+"="+strings.ReplaceAll(e.Text(), "\u00a0", " "))
		}
	}
	for _, m := range e.Members() {
		if !slices.Contains(wording, m.Name) {
			walk(m.Name, m.Value)
		}
	}
	slices.Sort(list)
	return list
}

// label names an item of an array by what it is about.
func label(item *fhir.Element) string {
	about := func(concept *fhir.Element) string {
		if c := concept.Path("coding", "code"); c != nil {
			return c.Text()
		}
		return concept.Get("text").Text()
	}
	value := func(e *fhir.Element) string {
		for _, m := range e.Members() {
			if strings.HasPrefix(m.Name, "value") && m.Value.Is(fhir.Object) || m.Name == "valueCode" {
				return " " + about(m.Value)
			}
			if m.Name == "valueCode" {
				return " " + about(m.Value.At(0))
			}
		}
		return ""
	}
	switch {
	case item.Get("url") != nil:
		return item.Get("url").Text()
	case item.Get("code").Is(fhir.String):
		return item.Get("code").Text()
	case item.Get("code") != nil:
		c := about(item.Get("code"))
		if c == "68193" {
			c += value(item)
		}
		return c
	case item.Get("type") != nil:
		l := about(item.Get("type"))
		if code := item.Path("valueCode", "coding", "code"); code != nil {
			l += " " + code.Text()
		}
		return l
	case item.Get("systemType") != nil:
		return about(item.Get("systemType"))
	case item.Get("coding") != nil:
		return about(item)
	case item.Get("reference") != nil:
		return "ref"
	case item.Get("system") != nil:
		return item.Get("system").Text()
	}
	return ""
}

// difference lists what only one of both says: "-" the guide, "+" the mapping.
func difference(guide, own *fhir.Element) []string {
	want, got := leaves(guide), leaves(own)
	var diff []string
	for _, l := range want {
		if !slices.Contains(got, l) {
			diff = append(diff, "- "+l)
		}
	}
	for _, l := range got {
		if !slices.Contains(want, l) {
			diff = append(diff, "+ "+l)
		}
	}
	return diff
}

// ---- building facts ----

func num(text string, unit acom.Code) acom.Value {
	return acom.Value{Number: &acom.Number{Text: text}, Unit: unit}
}

func special2(s acom.Special, unit acom.Code) acom.Value {
	return acom.Value{Number: &acom.Number{Special: s}, Unit: unit}
}

// wall reads "2006-01-02 15:04:05.00" with as many fraction digits as written.
func wall(text string) acom.Time {
	text, fraction, _ := strings.Cut(text, ".")
	w := acom.Wall{Fraction: fraction}
	if _, err := fmt.Sscanf(text, "%d-%d-%d %d:%d:%d", &w.Year, &w.Month, &w.Day, &w.Hour, &w.Minute, &w.Second); err != nil {
		panic(err)
	}
	return acom.Time{Wall: &w}
}

func offset(t acom.Time, minutes int) acom.Time {
	w := *t.Wall
	w.OffsetMinutes = &minutes
	t.Wall = &w
	return t
}

func utc(t acom.Time) acom.Time {
	w := *t.Wall
	w.UTC = true
	t.Wall = &w
	return t
}

func at(text string) time.Time {
	d, ok := fhir.ParseInstant(text)
	if !ok {
		panic(text)
	}
	return d.Low()
}

var someContext = Context{
	Patient: fhir.Key{Type: "Patient", ID: "p1"}, Device: fhir.Key{Type: "Device", ID: "d1"}, Gateway: fhir.Key{Type: "Device", ID: "g1"},
	DeviceID: "00220922580803CC", GatewayID: "ECDE3D4E58532D31",
	Received: at("2026-03-01T10:00:00-05:00"), ReceivedKnown: true,
	FrameHash: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
}

// one maps a single measurement.
func one(t testing.TB, m acom.Measurement, c Context) Observation {
	t.Helper()
	list, err := Observations(acom.Report{Measurements: []acom.Measurement{m}}, c)
	if err != nil {
		t.Fatal(err)
	}
	return list[len(list)-1]
}
