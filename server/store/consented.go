package store

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"

	"vitalwire/fhir"
)

// IsConsent reports whether resources of a type say what patients agree to, or who
// they mean: people, their roles, groups and teams.
func IsConsent(typ string) bool {
	switch typ {
	case "Consent", "Practitioner", "PractitionerRole", "Group", "CareTeam", "RelatedPerson":
		return true
	}
	return false
}

// Consented is the class of a patient: those of one class have Consents that say the
// same, but for who they are of. It is 0 for a patient without any.
type Consented struct {
	Patient string
	Class   int64
	// Number is a small one for the class, which no other class of the store ever has; 0
	// of class 0.
	Number int64
	// Position is when it came to be.
	Position int64
}

// Agreed is what a Consent says, as a digest, and when it was given, in microseconds
// since 1970; math.MinInt64 when it does not tell.
type Agreed struct {
	Patient       string
	Given, Digest int64
}

// saying are the elements of a Consent that say what is agreed to (auth/consent).
var saying = []string{"status", "scope", "policy", "policyRule", "verification", "provision"}

// AgreedIn reads a Consent; false for one that names no Patient, which says nothing.
func AgreedIn(c *fhir.Resource) (Agreed, bool) {
	to := fhir.ParseReference(c.Path("patient", "reference").Text())
	if to.Key.Type != "Patient" || to.Key.ID == "" {
		return Agreed{}, false
	}
	h := sha256.New()
	for _, name := range saying {
		var text []byte
		if e := c.Get(name); e != nil {
			text = e.AppendJSON(nil)
		}
		_ = binary.Write(h, binary.BigEndian, int64(len(text))) // never fails
		h.Write(text)
	}
	a := Agreed{Patient: to.Key.ID, Given: math.MinInt64, Digest: prefix(h.Sum(nil))}
	if at, ok := fhir.ParseDateTime(c.Get("dateTime").Text()); ok {
		a.Given = at.Low().UnixMicro()
	}
	return a, true
}

// ClassOf is the class of a patient by all his current Consents: by what they say, and
// by which of them are later than others.
func ClassOf(list []Agreed) int64 {
	if len(list) == 0 {
		return 0
	}
	list = slices.Clone(list)
	slices.SortFunc(list, func(x, y Agreed) int {
		return cmp.Or(cmp.Compare(x.Given, y.Given), cmp.Compare(x.Digest, y.Digest))
	})
	var b []byte
	for i, a := range list {
		later := byte(0)
		if i > 0 && a.Given != list[i-1].Given {
			later = 1
		}
		b = binary.BigEndian.AppendUint64(append(b, later), uint64(a.Digest))
	}
	sum := sha256.Sum256(b)
	return prefix(sum[:])
}

// prefix is the number that a hash begins with: nobody aims at another's with less than
// 2^64 work.
func prefix(sum []byte) int64 { return int64(binary.BigEndian.Uint64(sum)) }
