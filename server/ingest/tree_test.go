package ingest_test

import (
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/internal/ward"
	"vitalwire/server/ingest"
	"vitalwire/server/store"
)

// TestTree_IsRemembered_B84: a message need not repeat the VMD and channel that an earlier one
// told: the metric stays in its channel, and nothing is written anew for it.
func TestTree_IsRemembered_B84(t *testing.T) {
	s := ward.Open(t)
	const monitor = "00A1C90000000731"
	ward.Wear(t, s, monitor, "a")
	send := func(at string, rows ...string) {
		t.Helper()
		lines := []string{
			`MSH|^~\&|MON^` + monitor + `^EUI-64|WARD|||20261120100000+0100||ORU^R01^ORU_R01|` + at + `|P|2.6|||AL|NE`,
			"OBR|1||1^MON^" + monitor + "^EUI-64|69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|||" + at,
		}
		message := strings.Join(append(lines, rows...), "\r") + "\r"
		if _, err := s.Submit(t.Context(), ingest.Submission{Adapter: "hl7pcd01", Bytes: []byte(message)}); err != nil {
			t.Fatal(err)
		}
	}
	vmd, channel := "OBX|1||69854^MDC_DEV_METER_PRESS_BLD_VMD^MDC|1.2.0.0|||||||X", "OBX|2||69855^MDC_DEV_METER_PRESS_BLD_CHAN^MDC|1.2.1.0|||||||X"
	value := "OBX|3|NM|150037^MDC_PRESS_BLD_ART_ABP_SYS^MDC|1.2.1.4|120|266016^MDC_DIM_MMHG^MDC|||||R"
	found := func(typ string) (list []*fhir.Resource, versions int) {
		t.Helper()
		err := s.Store.View(t.Context(), func(r store.Reader) error {
			list, versions = nil, 0
			changes, err := r.Changes(0, 1000)
			if err != nil {
				return err
			}
			for _, change := range changes {
				if change.Key.Type != typ {
					continue
				}
				versions++
				if current, err := r.Read(change.Key); err != nil || current.VersionID != change.VersionID {
					if err != nil {
						return err
					}
					continue
				}
				resource, err := fhir.ParseResource(change.AppendJSON(nil))
				if err != nil {
					return err
				}
				list = append(list, resource)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return list, versions
	}
	send("20261120095900+0100", vmd, channel, value)
	send("20261120095910+0100", value)                                                                                             // says nothing of the tree
	send("20261120095920+0100", channel, value)                                                                                    // says nothing of the VMD
	send("20261120095930+0100", strings.ReplaceAll(value, "150037^MDC_PRESS_BLD_ART_ABP_SYS", "150038^MDC_PRESS_BLD_ART_ABP_DIA")) // another metric of it
	send("20261120095940+0100", strings.ReplaceAll(value, "1.2.1.4", "1.3.1.4"))                                                   // in a channel that nobody told
	metrics, versions := found("DeviceMetric")
	if len(metrics) != 3 || versions != 3 {
		t.Errorf("%d metrics in %d versions", len(metrics), versions)
	}
	devices, _ := found("Device")
	names := map[string]string{}
	for _, d := range devices {
		names["Device/"+d.ID()] = d.Path("type", "coding").At(0).Get("display").Text()
	}
	for _, d := range devices {
		want := map[string]string{"MDC_DEV_METER_PRESS_BLD_CHAN": "MDC_DEV_METER_PRESS_BLD_VMD"}[names["Device/"+d.ID()]]
		if got := names[d.Path("parent", "reference").Text()]; want != "" && got != want {
			t.Errorf("%s is in %q", names["Device/"+d.ID()], got)
		}
	}
	for _, m := range metrics {
		id, in := m.Path("identifier").At(0).Get("value").Text(), names[m.Path("parent", "reference").Text()]
		told := strings.Contains(id, ".1.2.1.4#")
		if told != (in == "MDC_DEV_METER_PRESS_BLD_CHAN") || told != (m.Path("meta", "profile").Len() == 1) {
			t.Errorf("%s is in %q: %s", id, in, m.JSON())
		}
	}
}
