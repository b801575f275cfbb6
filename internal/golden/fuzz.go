package golden

import (
	"errors"
	"reflect"
	"runtime"
	"testing"

	"vitalwire/adapters"
)

// Least is what any frame may cost in bytes before its length counts: tables, and
// the sizes that buffers begin with.
const least = 256 << 10

// Fuzz holds an adapter to its contract for any bytes: it reads or refuses them, the
// same way twice, with a refusal that lies inside the frame, and allocates no more
// than 64 times the frame. The seeds are the golden cases of the folder.
func Fuzz(f *testing.F, adapter adapters.Adapter) {
	for _, c := range Cases(f, ".") {
		for _, frame := range c.Frames {
			f.Add(frame.Bytes, frame.Device, frame.Profile)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, device, profile string) {
		frame := adapters.Frame{Bytes: data, Device: device, Profile: profile}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		result, err := adapter.New(Memory{}).Decode(frame)
		runtime.ReadMemStats(&after)
		if spent := after.TotalAlloc - before.TotalAlloc; spent > uint64(64*len(data)+least) {
			t.Fatalf("%d bytes for a frame of %d", spent, len(data))
		}
		var refused *adapters.Error
		if err != nil && (!errors.As(err, &refused) || refused.Reason == "" || refused.Offset < 0 || refused.Offset > len(data)) {
			t.Fatalf("%#v", err)
		}
		for _, skip := range result.Skipped {
			if skip.Reason == "" || skip.Offset < 0 || skip.Offset > len(data) {
				t.Fatalf("%#v", skip)
			}
		}
		if again, _ := adapter.New(Memory{}).Decode(frame); !reflect.DeepEqual(again, result) {
			t.Fatal("decoding twice gives two answers")
		}
	})
}

// Allocated is how many bytes the adapter allocates for a frame.
func Allocated(t testing.TB, adapter adapters.Adapter, data []byte) uint64 {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := adapter.New(Memory{}).Decode(adapters.Frame{Bytes: data, Device: "00A1C90000000001"})
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Logf("%d bytes: %v", len(data), err)
	}
	return after.TotalAlloc - before.TotalAlloc
}
