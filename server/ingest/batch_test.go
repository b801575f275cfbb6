package ingest_test

import (
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/internal/ward"
	"vitalwire/server/ingest"
	"vitalwire/server/store"
)

// TestPatientsOfAMessage_731: each patient of a message, and of a batch of messages, has his own
// readings; whom a message does not name is not who was named before.
func TestPatientsOfAMessage_731(t *testing.T) {
	header := "MSH|^~\\&|GW^00A1C90000000741^EUI-64|HOSP|||20261120100000+0100||ORU^R01^ORU_R01|m|P|2.6|||AL|NE\r"
	person := func(mr string) string { return "PID|||" + mr + "^^^HOSP&urn:hosp&URI^MR\r" }
	result := func(monitor, value string) string {
		return "OBR|1||1^MON^" + monitor + "^EUI-64|69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|||20261120095900+0100\r" +
			"OBX|1|NM|150344^MDC_TEMP^MDC|1.1.1.1|" + value + "|268192^MDC_DIM_DEGC^MDC|||||F\r"
	}
	first, second, third := result("00A1C90000000742", "36.1"), result("00A1C90000000743", "36.2"), result("00A1C90000000744", "36.3")
	for name, message := range map[string]string{
		"one message": header + person("MR-a") + first + person("MR-b") + second + "PID|||\r" + third,
		"a batch":     "BHS|^~\\&|GW\r" + header + person("MR-a") + first + header + person("MR-b") + second + header + third + "BTS|3\r",
	} {
		t.Run(name, func(t *testing.T) {
			s := ward.Open(t)
			for range 2 { // sent again it is not there twice
				receipt, err := s.Submit(t.Context(), ingest.Submission{Adapter: "hl7pcd01", Bytes: []byte(message)})
				if err != nil || strings.Count(string(receipt.Reply), "MSA|CA|m") != strings.Count(message, "MSH|") {
					t.Fatal(receipt, err)
				}
			}
			found := map[string]string{}
			err := s.Store.View(t.Context(), func(r store.Reader) error {
				changes, err := r.Changes(0, 1000)
				for _, change := range changes {
					if change.Key.Type == "Observation" {
						o, err := fhir.ParseResource(change.AppendJSON(nil))
						if err != nil {
							return err
						}
						found[o.Path("valueQuantity", "value").Text()] += o.Path("subject", "reference").Text()
					}
				}
				return err
			})
			if err != nil || len(found) != 2 || found["36.1"] != "Patient/a" || found["36.2"] != "Patient/b" {
				t.Errorf("%v %v", found, err)
			}
		})
	}
}
