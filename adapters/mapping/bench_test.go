package mapping

import "testing"

// One reading with clock, LOINC and supplemental type: what a stream is made of.
func BenchmarkObservations(b *testing.B) {
	r := report(clock("2026-03-01 09:54:00", "2026-03-01T10:00:00-05:00"), temperature(num("37.60", 268192)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Observations(r, someContext); err != nil {
			b.Fatal(err)
		}
	}
}
