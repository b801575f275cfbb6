package acom

import (
	"encoding"
	"encoding/json"
	"reflect"
	"testing"
)

// Every value of an enumeration is its word in JSON and comes back from it; what is of
// none is neither written nor read.
func TestEnum_RoundTrip(t *testing.T) {
	for _, e := range []struct {
		words  words
		last   any
		wanted string
	}{
		{kinds, RTSA, "rtsa"}, {reasons, AbsentUnsupported, "unsupported"}, {comparators, AtLeast, ">="},
		{specials, Reserved, "reserved"}, {stages, Newest, "newest"}, {sources, ZoneUnknown, "unknown"},
	} {
		typ := reflect.TypeOf(e.last)
		if got := reflect.ValueOf(e.last).Uint(); int(got) != len(e.words)-1 || e.words[got] != e.wanted {
			t.Errorf("%s: the last of %q is %d", typ, e.words, got)
		}
		for n := range 256 {
			value := reflect.New(typ)
			value.Elem().SetUint(uint64(n))
			raw, err := json.Marshal(value.Interface())
			if n >= len(e.words) {
				if err == nil {
					t.Errorf("%s %d is written as %s", typ, n, raw)
				}
				continue
			}
			again := reflect.New(typ)
			if err != nil || string(raw) != string(must(json.Marshal(e.words[n]))) || json.Unmarshal(raw, again.Interface()) != nil || again.Elem().Uint() != uint64(n) {
				t.Errorf("%s %d: %s, %v, %d", typ, n, raw, err, again.Elem().Uint())
			}
		}
		if err := reflect.New(typ).Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte("odd")); err == nil {
			t.Errorf("%s reads an odd word", typ)
		}
	}
	if _, ok := ComparatorOf("~"); ok {
		t.Error("~ is no comparator")
	}
	if reason, ok := AbsentOf("temp-unknown"); !ok || reason != AbsentTemporarily {
		t.Error(reason, ok)
	}
	if Kind(99).String() != "#99" {
		t.Error(Kind(99))
	}
}

func must(raw []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return raw
}

// What was not said takes no room in JSON.
func TestEnum_EmptyIsLeftOut(t *testing.T) {
	raw, err := json.Marshal(Measurement{Kind: Numeric, Type: 1, Value: Value{Number: &Number{Text: "1"}}})
	if err != nil || string(raw) != `{"kind":"numeric","type":1,"time":{},"value":{"number":{"text":"1"}}}` {
		t.Error(string(raw), err)
	}
}
