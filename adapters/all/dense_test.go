package all_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"vitalwire/adapters"
	"vitalwire/adapters/all"
	"vitalwire/internal/golden"
)

// most is what a frame may allocate, in times of its size.
const most = 64

// denser are the adapters whose shortest record is shorter than that allows: a point of
// Garmin's series has 8 bytes ("180":1,), a row of Omron's table here 19, and a reading of
// acom about a thousand. They are bounded by the readings of a frame.
var denser = map[string]int{"garmin": 150, "omron": 105}

// A frame of nothing but the shortest records, as many as it may hold, is read in
// bounded memory. (A lookup for each record that passes over all of them shows here as a
// test that does not end.)
func TestAdapters_DenseFramesAreBounded(t *testing.T) {
	repeat := func(head, item, tail string, n int) []byte {
		var b strings.Builder
		b.WriteString(head)
		for i := range n {
			if i > 0 && strings.HasSuffix(tail, "}") {
				b.WriteByte(',')
			}
			b.WriteString(strings.ReplaceAll(item, "#", fmt.Sprint(i)))
		}
		return []byte(b.String() + tail)
	}
	frames := map[string][]byte{
		"garmin":      repeat(`{"stressDetails":[{"startTimeInSeconds":1767222000,"timeOffsetStressLevelValues":{`, `"#":1`, `}}]}`, 9000),
		"fitbit":      repeat(`{"activities-heart":[{"dateTime":"2026-03-05"}],"activities-heart-intraday":{"datasetInterval":1,"datasetType":"minute","dataset":[`, `{"time":"00:01","value":6}`, `]}}`, 9000),
		"withings":    repeat(`{"status":0,"body":{"measuregrps":[{"category":1,"date":1767254400,"measures":[`, `{"type":1,"unit":0,"value":7}`, `]}]}}`, 9000),
		"oura":        repeat(`{"data":[`, `{"bpm":6,"timestamp":"2026-01-15T12:05Z"}`, `]}`, 9000),
		"polar":       repeat(`{"sleep_start_time":"2026-01-15T01:00Z","deep_sleep":1,"hypnogram":{`, `"#":1`, `}}`, 9000),
		"applehealth": repeat("<HealthData>", "<a/>", "</HealthData>", 60_000),
		"libreview":   repeat("Device Timestamp,Record Type,Historic Glucose mg/dL\n", "2026-1-1 1:00,0,9\n", "", 9000),
		"clarity":     repeat("Timestamp (YYYY-MM-DDThh:mm:ss),Event Type,Glucose Value (mg/dL)\n", "2026-01-01T01:00,EGV,9\n", "", 9000),
		"biceps": repeat(`<b:Mdib xmlns="http://standards.ieee.org/downloads/11073/11073-10207-2017/participant" xmlns:b="http://standards.ieee.org/downloads/11073/11073-10207-2017/message" SequenceId="a"><MdDescription><Mds Handle="s"><Vmd Handle="v"><Channel Handle="c">`,
			`<Metric Handle="#"/>`, `</Channel></Vmd></Mds></MdDescription></b:Mdib>`, 4900),
		"omron": repeat("Date,Time,Systolic (mmHg),Diastolic (mmHg)\n", "2026-1-1,1:00,9,8\n", "", 9000),
	}
	for _, a := range all.Adapters() {
		data, ok := frames[a.Name]
		if !ok {
			continue
		}
		frame := adapters.Frame{Bytes: data, Device: "00A1C90000000001"}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := a.New(golden.Memory{}).Decode(frame)
		runtime.ReadMemStats(&after)
		spent := after.TotalAlloc - before.TotalAlloc
		t.Logf("%s: %.0f times the frame", a.Name, float64(spent)/float64(len(data)))
		bound := most
		if times, ok := denser[a.Name]; ok {
			bound = times
		}
		if err != nil || spent > uint64(bound*len(data)) {
			t.Errorf("%s: %d bytes for %d: %v", a.Name, spent, len(data), err)
		}
	}
}
