package template

import (
	"vitalwire/adapters/acom"
	"vitalwire/adapters/template/query"
)

// Trial is what a template makes of an input, field by field. It quotes the input:
// it is for who may read it.
type Trial struct {
	Template string `json:"template"`
	Version  string `json:"version"`
	Digest   string `json:"digest"`
	// Refused says why the input as a whole is refused; nothing is stored then.
	Refused string `json:"refused,omitempty"`
	// Readings that the rules found, in the order of the template.
	Readings []Reading `json:"readings,omitempty"`
	// Silent are the rules that found nothing, with what they looked for.
	Silent []Field `json:"silent,omitempty"`
	// Reports are the facts made of the readings, as they go to the mapping.
	Reports []acom.Report `json:"reports,omitempty"`
}

// Reading is one match of a rule.
type Reading struct {
	Type string `json:"type"`
	// Rule is the rule's place in the template, At that of the match in the input.
	Rule string `json:"rule"`
	At   string `json:"at"`
	// Fields in the order they were looked for.
	Fields []Field `json:"fields,omitempty"`
	// Skipped says why no Observation is made of it.
	Skipped string `json:"skipped,omitempty"`
}

// Field is one thing that was looked for: which expression found which value where,
// or why there is none.
type Field struct {
	Name       string `json:"name"`
	Language   string `json:"language,omitempty"`
	Expression string `json:"expression,omitempty"`
	// Path of the value in the input; "" for one that was computed.
	Path  string `json:"path,omitempty"`
	Value string `json:"value,omitempty"`
	// Absent says why there is no value, or why it is not shown.
	Absent string `json:"absent,omitempty"`
}

// trace writes a trial while the rules run; a nil one writes nothing.
type trace struct{ trial *Trial }

// mostTraced bounds a trial.
const mostTraced = 1000

func (t trace) on() bool { return t.trial != nil }

func (t trace) reading(r *rule, at string) {
	if t.on() && len(t.trial.Readings) < mostTraced {
		t.trial.Readings = append(t.trial.Readings, Reading{Type: r.kind, Rule: r.path, At: at})
	}
}

func (t trace) last() *Reading {
	if !t.on() || len(t.trial.Readings) == 0 {
		return nil
	}
	return &t.trial.Readings[len(t.trial.Readings)-1]
}

func (t trace) field(name string, x *query.Expression, path, value, absent string) {
	if r := t.last(); r != nil {
		f := Field{Name: name, Path: path, Value: value, Absent: absent}
		if x != nil {
			f.Language, f.Expression = x.Language, x.Text
		}
		r.Fields = append(r.Fields, f)
	}
}

func (t trace) skipped(why string) {
	if r := t.last(); r != nil {
		r.Skipped = why
	}
}
