package auth

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"vitalwire/auth/choice"
	"vitalwire/auth/consent"
	"vitalwire/fhir"
)

// choiceForm is the form of the choices, filled in so far.
type choiceForm struct {
	choice.Choices
	// Version of the Consent that was shown.
	Version string
	Find    string
	// Searched: somebody looked for names. Parties are those found, and those named before.
	Searched bool
	Parties  []partyChoice
	Kinds    []kindChoice
	given    bool
	found    []Party
}

// partyChoice is somebody who may be named, and as what he is: "none", "alone" or "bar".
type partyChoice struct {
	Party
	As   string
	Mark int // makes ids of the page unique
}

// kindChoice is a sensitive kind and whether it is open.
type kindChoice struct {
	choice.Kind
	Value string
	Open  bool
	Mark  int
}

// The prefix of the fields of who is named, and what separates system and code.
const (
	partyField = "p:"
	kindSplit  = "|"
)

// readChoices reads the form; fault says in words what is wrong with it.
func readChoices(values url.Values) (f choiceForm, fault string) {
	on := func(name string) bool { return values.Get(name) != "" }
	f = choiceForm{given: true, Version: values.Get("version"), Find: strings.TrimSpace(values.Get("find")), Choices: choice.Choices{
		Who: choice.Who(values.Get("who")), Restricted: on("restricted"), Running: on("running"), Acting: on("acting"), Research: on("research"),
		Glass: on("glass"), Silent: on("silent"), End: strings.TrimSpace(values.Get("end"))}}
	if len(f.Find) > 200 {
		f.Find = ""
	}
	for name, given := range values {
		to, named := strings.CutPrefix(name, partyField)
		key := fhir.ParseReference(to).Key
		if !named || to != key.String() || key.Type != "Practitioner" && key.Type != "Organization" || !fhir.ValidID(key.ID) {
			continue
		}
		switch given[0] {
		case "alone":
			f.Alone = append(f.Alone, key)
		case "bar":
			f.Barred = append(f.Barred, key)
		}
	}
	for _, name := range values["kind"] {
		system, code, ok := strings.Cut(name, kindSplit)
		if !ok || len(name) > 500 {
			continue
		}
		if k := (consent.Coding{System: system, Code: code}); slices.Contains(values["open"], name) {
			f.Open = append(f.Open, k)
		} else {
			f.Kept = append(f.Kept, k)
		}
	}
	sortKeys(f.Alone)
	sortKeys(f.Barred)
	return f, f.Check(time.Now().UTC().Truncate(24 * time.Hour))
}

func sortKeys(list []fhir.Key) {
	slices.SortFunc(list, func(x, y fhir.Key) int { return strings.Compare(x.String(), y.String()) })
}

// named are all who are named.
func (f *choiceForm) named() []fhir.Key {
	return slices.Concat(f.Alone, f.Barred)
}

// fillForm adds what the form shows besides what was filled in.
func (a *Authority) fillForm(ctx context.Context, f *choiceForm, kinds []choice.Kind) error {
	names, err := a.Privacy.Names(ctx, f.named())
	if err != nil {
		return err
	}
	add := func(p Party, as string) {
		if !slices.ContainsFunc(f.Parties, func(have partyChoice) bool { return have.Key == p.Key }) {
			f.Parties = append(f.Parties, partyChoice{p, as, len(f.Parties) + 1})
		}
	}
	for _, key := range f.Alone {
		add(Party{Key: key, Name: nameOr(names, key)}, "alone")
	}
	for _, key := range f.Barred {
		add(Party{Key: key, Name: nameOr(names, key)}, "bar")
	}
	for _, p := range f.found {
		add(p, "none")
	}
	for i, k := range kinds {
		f.Kinds = append(f.Kinds, kindChoice{k, k.System + kindSplit + k.Code, f.Opens(k.Coding), i + 1})
	}
	return nil
}

func nameOr(names map[fhir.Key]string, key fhir.Key) string {
	if name := names[key]; name != "" {
		return name
	}
	return key.String()
}

// Field is the name of the field of a party.
func (p partyChoice) Field() string { return partyField + p.Key.String() }

// Hidden are the fields that carry the choices through the page that reviews them.
func (f choiceForm) Hidden() (list []struct{ Name, Value string }) {
	add := func(name, value string) { list = append(list, struct{ Name, Value string }{name, value}) }
	add("version", f.Version)
	add("who", string(f.Who))
	for _, box := range []struct {
		name string
		on   bool
	}{{"restricted", f.Restricted}, {"running", f.Running}, {"acting", f.Acting}, {"research", f.Research}, {"glass", f.Glass}, {"silent", f.Silent}} {
		if box.on {
			add(box.name, "on")
		}
	}
	for _, key := range f.Alone {
		add(partyField+key.String(), "alone")
	}
	for _, key := range f.Barred {
		add(partyField+key.String(), "bar")
	}
	for _, k := range f.Kept {
		add("kind", k.System+kindSplit+k.Code)
	}
	for _, k := range f.Open {
		add("kind", k.System+kindSplit+k.Code)
		add("open", k.System+kindSplit+k.Code)
	}
	add("end", f.End)
	return list
}
