package audit

import (
	"bytes"
	"net/url"
	"slices"
	"strings"

	"vitalwire/fhir"
)

// Patients gathers the ids of patients, each once, in the order in which they are met.
type Patients struct {
	IDs  []string
	seen map[string]bool
}

// Add adds one; what is no id is left out.
func (p *Patients) Add(id string) {
	if p.seen[id] || !fhir.ValidID(id) {
		return
	}
	if p.seen == nil {
		p.seen = map[string]bool{}
	}
	p.seen[id] = true
	p.IDs = append(p.IDs, id)
}

// Resource adds the patients that a stored resource names: itself, if it is one, and all
// whom it refers to. That is more than whose compartment it is in, as who reads it reads
// of all of them.
func (p *Patients) Resource(key fhir.Key, body []byte) {
	if key.Type == "Patient" {
		p.Add(key.ID)
	}
	p.Named(body)
}

// Named adds the patients that canonical JSON refers to, and the Patients in it.
func (p *Patients) Named(text []byte) {
	for _, mark := range []string{`"reference":"Patient/`, `"resourceType":"Patient","id":"`} {
		for rest := text; ; {
			at := bytes.Index(rest, []byte(mark))
			if at < 0 {
				break
			}
			rest = rest[at+len(mark):]
			end := bytes.IndexAny(rest, `"/`)
			if end < 0 {
				break
			}
			p.Add(string(rest[:end]))
		}
	}
}

// asksFor are the parameters by which a search names a patient.
var asksFor = []string{"patient", "subject", "beneficiary", "individual"}

// Search adds the patients that a search of a type names.
func (p *Patients) Search(typ, query string) {
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil {
			continue
		}
		name, modifier, _ := strings.Cut(name, ":")
		of := modifier == "" || modifier == "Patient"
		for one := range strings.SplitSeq(value, ",") {
			id, patient := strings.CutPrefix(one, "Patient/")
			switch {
			case of && slices.Contains(asksFor, name) && (patient || name == "patient" || modifier == "Patient"):
				p.Add(id)
			case name == "_id" && typ == "Patient" && modifier == "":
				p.Add(one)
			}
		}
	}
}

// secret are names of parameters whose values are never kept.
var secret = map[string]bool{
	"access_token": true, "refresh_token": true, "token": true, "client_secret": true, "client_assertion": true,
	"password": true, "code_verifier": true, "authorization": true, "_cursor": true,
}

// Shown is a query without the values of secrets, which have no place there.
func Shown(query string) string {
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		name, _, given := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(name); err == nil && given && secret[strings.ToLower(plain)] {
			pairs[i] = name + "=***"
		}
	}
	return strings.Join(pairs, "&")
}
