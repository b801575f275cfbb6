package snapshot_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/profiles"
	"vitalwire/profiles/snapshot"
)

func profile(elements string) string {
	return `{"resourceType":"StructureDefinition","url":"http://x/p","kind":"resource","type":"Patient",` +
		`"baseDefinition":"http://hl7.org/fhir/StructureDefinition/Patient","derivation":"constraint","differential":{"element":[` + elements + `]}}`
}

// A differential whose slices copy each other, inside out, is refused before it
// fills the memory.
func TestGenerate_BoundsSlices(t *testing.T) {
	var elements []string
	const depth = 30
	for d := depth; d > 0; d-- {
		prefix := "Patient" + strings.Repeat(".extension:a", d-1)
		path := "Patient" + strings.Repeat(".extension", d)
		for _, slice := range []string{"a", "a/b", "a/b/c"} {
			elements = append(elements, fmt.Sprintf(`{"id":"%s.extension:%s","path":"%s","sliceName":"%s"}`, prefix, slice, path, slice))
		}
	}
	// The outer slices have to be there for the ids of the inner ones.
	var outer []string
	for d := 1; d <= depth; d++ {
		outer = append(outer, fmt.Sprintf(`{"id":"Patient%s","path":"Patient%s","sliceName":"a"}`,
			strings.Repeat(".extension:a", d), strings.Repeat(".extension", d)))
	}
	r, err := fhir.ParseResource([]byte(profile(strings.Join(append(outer, elements...), ","))))
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if _, err := snapshot.Generate(r, profiles.R4().Snapshot); err == nil || !strings.Contains(err.Error(), "over") {
		t.Errorf("not refused: %v", err)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}

// Whatever a StructureDefinition says, making its snapshot ends without panic,
// and what it gives has the elements of a snapshot.
func FuzzGenerate(f *testing.F) {
	f.Add(profile(`{"id":"Patient.identifier","path":"Patient.identifier","slicing":{"rules":"open","discriminator":[{"type":"value","path":"system"}]}},{"id":"Patient.identifier:a","path":"Patient.identifier","sliceName":"a","min":1},{"id":"Patient.identifier:a.system","path":"Patient.identifier.system","fixedUri":"http://x"}`))
	f.Add(profile(`{"path":"Patient.deceasedBoolean","min":1},{"path":"Patient.extension","sliceName":"r","type":[{"code":"Extension","profile":["http://hl7.org/fhir/StructureDefinition/patient-birthPlace"]}]},{"path":"Patient.extension.valueAddress.city","min":1}`))
	f.Add(profile(`{"path":"Patient"},{"path":"Patient.contact"},{"path":"Patient.contact.name.given","max":"0"},{"path":"Patient.link.other.identifier"}`))
	f.Add(profile(`{"path":"Patient.extension","type":{"code":1}},{"path":[]},{"path":"Patient.x"}`))
	f.Fuzz(func(t *testing.T, text string) {
		r, err := fhir.ParseResource([]byte(text))
		if err != nil {
			return
		}
		got, err := snapshot.Generate(r, profiles.R4().Snapshot)
		if err != nil {
			return
		}
		if got.Get("snapshot").Get("element").Len() == 0 {
			t.Error("an empty snapshot")
		}
		_, _ = snapshot.Sort(r, profiles.R4().Snapshot) // an error is an answer
	})
}
