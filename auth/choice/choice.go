// Package choice makes one R4 Consent of the plain choices of a patient, reads them back
// from it, and says in words what a Consent means. It is pure.
//
// The Consent of the choices forbids what they do not permit, so that what the patient
// keeps back stays so beside Consents of others (auth/consent: a deny in any denies).
package choice

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"vitalwire/auth/consent"
	"vitalwire/auth/label"
	"vitalwire/fhir"
)

// Who may see.
type Who string

// The answers; "" is none yet. Nothing is chosen beforehand: what nobody chose is no
// consent (GDPR art. 4 no. 11).
const (
	Everybody Who = "everybody" // who treats the patient
	Named     Who = "named"     // those of them alone who are named
	Nobody    Who = "nobody"
)

// Choices are what a patient decides. The zero value lets nobody see anything.
type Choices struct {
	Who Who
	// Alone are the Practitioners and Organizations who may see, of a choice for Named.
	// Barred may not see, whatever else is chosen.
	Alone, Barred []fhir.Key
	// Kept are the sensitive kinds that nobody sees, Open those that the others who may see
	// do. A kind that is neither goes by Restricted.
	Kept, Open []consent.Coding
	// Restricted: what is marked as confidential for another reason is seen, too.
	Restricted bool
	// Running: also for payment, and to run the house. Acting: also by people who act for
	// the patient. Research: also for that, but nothing confidential.
	Running, Acting, Research bool
	// Glass: who breaks the glass in an emergency sees everything.
	Glass bool
	// Silent: nothing that devices measure is recorded any more.
	Silent bool
	// End is the last day, such as 2026-12-31; "" for none.
	End string
}

// Kind is a sort of data that is especially sensitive.
type Kind struct {
	consent.Coding
	// Confidentiality is a code of v3-Confidentiality that such data has at least.
	Confidentiality string
}

// Kinds are those of the rules in force, each to be chosen by itself; nil rules have none.
// ETH is left out where its parts are there: no code brings it without them.
func Kinds(rules *label.Rules) []Kind {
	if rules == nil {
		return nil
	}
	var list []Kind
	has := map[label.Coding]bool{}
	for _, m := range rules.Marks() {
		if m.System == label.Confidentiality {
			continue
		}
		has[m.Coding] = true
		list = append(list, Kind{consent.Coding(m.Coding), m.Confidentiality})
	}
	parts := has[label.Coding{System: label.ActCode, Code: "ETHUD"}] && has[label.Coding{System: label.ActCode, Code: "OPIOIDUD"}]
	return slices.DeleteFunc(list, func(k Kind) bool { return parts && k.System == label.ActCode && k.Code == "ETH" })
}

// mostNamed bounds who may be named, and how many kinds there are.
const mostNamed = 100

// Check says in words what is wrong with choices; "" is nothing. today is the day of now.
func (c Choices) Check(today time.Time) string {
	switch {
	case c.Who != Everybody && c.Who != Named && c.Who != Nobody:
		return "Please choose who may see your data."
	case c.Who == Named && len(c.Alone) == 0:
		return "You chose that only those you name may see your data. Please look for them and name at least one, or choose another answer."
	case c.Who != Named && len(c.Alone) > 0:
		return "You named somebody who alone may see your data. For that the answer is “Only those whom I name”."
	case len(c.Alone)+len(c.Barred) > mostNamed || len(c.Kept)+len(c.Open) > mostNamed:
		return "You named too many at once."
	}
	if c.End == "" {
		return ""
	}
	end, err := time.Parse(time.DateOnly, c.End)
	switch {
	case err != nil || utf8.RuneCountInString(c.End) != len(time.DateOnly) || end.Year() < 1900:
		return "The last day is a date, such as 2030-12-31."
	case end.Before(today):
		return "The last day is over already."
	}
	return ""
}

// keeps reports whether a kind is kept back.
func (c Choices) keeps(k consent.Coding) bool {
	return slices.Contains(c.Kept, k) || !c.Restricted && !slices.Contains(c.Open, k)
}

// Opens reports whether a kind may be seen by who may see the rest.
func (c Choices) Opens(k consent.Coding) bool { return !c.keeps(k) }

// sorted is the same in one order, each once, and without what says nothing.
func (c Choices) sorted() Choices {
	c.Alone, c.Barred = keys(c.Alone), keys(c.Barred)
	c.Kept, c.Open = codings(c.Kept), codings(c.Open)
	if c.Restricted {
		c.Open = nil
	}
	return c
}

func keys(list []fhir.Key) []fhir.Key {
	list = slices.Clone(list)
	slices.SortFunc(list, func(x, y fhir.Key) int { return strings.Compare(x.String(), y.String()) })
	return slices.Compact(list)
}

func codings(list []consent.Coding) []consent.Coding {
	list = slices.Clone(list)
	slices.SortFunc(list, func(x, y consent.Coding) int { return strings.Compare(x.System+"|"+x.Code, y.System+"|"+y.Code) })
	return slices.Compact(list)
}
