package applehealth_test

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"vitalwire/adapters"
	"vitalwire/adapters/applehealth"
	"vitalwire/internal/golden"
)

// export is an export of n records that is never in memory as a whole.
type export struct {
	n, done int
	rest    string
}

func (e *export) Read(p []byte) (int, error) {
	for e.rest == "" {
		switch {
		case e.done == 0:
			e.rest = "<?xml version=\"1.0\"?>\n<!DOCTYPE HealthData [\n<!ELEMENT HealthData (Record)*>\n]>\n<HealthData locale=\"en\">\n<Me a=\"b\"/><Workout><Record type=\"x\"/></Workout>"
		case e.done <= e.n:
			e.rest = fmt.Sprintf(" <Record type=\"HKQuantityTypeIdentifierHeartRate\" sourceName=\"W\" unit=\"count/min\" startDate=\"2026-03-%02d %02d:%02d:%02d +0100\" value=\"%d\"/>\n",
				1+e.done/86400%28, e.done/3600%24, e.done/60%60, e.done%60, 40+e.done%100)
		case e.done == e.n+1:
			e.rest = "</HealthData>\n"
		default:
			return 0, io.EOF
		}
		e.done++
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

// Every record of an export is in one part that can be read by itself, however its
// bytes arrive.
func TestSplit_LosesAndDoublesNothing(t *testing.T) {
	for name, slow := range map[string]func(io.Reader) io.Reader{"": func(r io.Reader) io.Reader { return r }, "by halves": iotest.HalfReader, "by bytes": iotest.OneByteReader} {
		readings, parts := 0, 0
		err := applehealth.Adapter.Split(slow(&export{n: 3000}), func(part []byte) error {
			parts++
			if len(part) > 200<<10 {
				t.Errorf("a part of %d bytes", len(part))
			}
			result, err := applehealth.Adapter.New(golden.Memory{}).Decode(adapters.Frame{Bytes: part})
			if err != nil {
				return err
			}
			for _, r := range result.Reports {
				readings += len(r.Measurements)
			}
			return nil
		})
		if err != nil || readings != 3000 || parts < 3 {
			t.Errorf("%s: %d readings in %d parts: %v", name, readings, parts, err)
		}
	}
}

// An export of any length is cut in the memory of a few parts.
func TestSplit_IsBoundedInMemory(t *testing.T) {
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	most := uint64(0)
	err := applehealth.Adapter.Split(&export{n: 40_000}, func([]byte) error {
		runtime.GC()
		runtime.ReadMemStats(&now)
		most = max(most, now.HeapAlloc)
		return nil
	})
	if err != nil || most > before.HeapAlloc+8<<20 {
		t.Errorf("%d MiB more: %v", (most-before.HeapAlloc)>>20, err)
	}
}

// What is no export is refused, and a piece without end is not waited for.
func TestSplit_Refuses(t *testing.T) {
	for name, file := range map[string]io.Reader{
		"empty": strings.NewReader(""), "other root": strings.NewReader("<a/>"), "cut": strings.NewReader("<HealthData><Record"),
		"not closed": strings.NewReader("<HealthData><Record/>"),
		"endless":    io.MultiReader(strings.NewReader("<HealthData><Record value=\""), io.LimitReader(zeros{}, 1<<30)),
	} {
		var refused *adapters.Error
		if err := applehealth.Adapter.Split(file, func([]byte) error { return nil }); !errors.As(err, &refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	own := errors.New("disk")
	if err := applehealth.Adapter.Split(io.MultiReader(strings.NewReader("<HealthData>"), iotest.ErrReader(own)), nil); !errors.Is(err, own) {
		t.Errorf("the file's own error became %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

func BenchmarkSplit(b *testing.B) {
	for b.Loop() {
		n := 0
		if err := applehealth.Adapter.Split(&export{n: 20_000}, func(part []byte) error { n += len(part); return nil }); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(n))
	}
}
