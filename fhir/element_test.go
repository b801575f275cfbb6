package fhir_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"vitalwire/fhir"
)

// The size of an Element is what the collector's work comes from.
func TestElement_IsTwoWords(t *testing.T) {
	if size := unsafe.Sizeof(fhir.Element{}); size != 16 {
		t.Errorf("an Element takes %d bytes", size)
	}
}

func TestElement_GrowsWithoutTouchingWhatWasGiven(t *testing.T) {
	e, err := fhir.ParseElement([]byte(`{"a":[1,2],"b":{"x":1},"c":3}`))
	if err != nil {
		t.Fatal(err)
	}
	list, before := e.Get("a"), e.Members()
	for i := range 100 {
		list.Append(fhir.NewNumber(fmt.Sprint(i)))
		e.Set(fmt.Sprintf("n%d", i), fhir.NewNumber(fmt.Sprint(i)))
	}
	if len(before) != 3 || before[2].Name != "c" || e.Get("b").Get("x").Text() != "1" {
		t.Errorf("growing changed what was there: %v", before)
	}
	for i := range 100 {
		if list.At(i+2).Text() != fmt.Sprint(i) || e.Get(fmt.Sprintf("n%d", i)).Text() != fmt.Sprint(i) {
			t.Fatalf("item %d is lost", i)
		}
	}
	kept := e.Members()
	e.Set("a", nil)
	e.Set("c", nil)
	e.Set("z", fhir.NewNull())
	if kept[0].Name != "a" || kept[2].Name != "c" || e.Len() != 102 || e.Get("a") != nil || e.Get("z") == nil {
		t.Error("removing changed the members that were given before")
	}
	members := make([]fhir.Member, 1, 4)
	members[0] = fhir.S("x", "1")
	o := fhir.NewObject(members...)
	o.Set("y", fhir.NewNull())
	if members[:2][1].Name != "" {
		t.Error("an object grew into the caller's slice")
	}
}

func TestElement_CloneKeepsNothingOfTheDocument(t *testing.T) {
	text := `{"s":"abc","e":"","n":1.50,"t":true,"z":null,"a":[[],{},["x"]],"u":"é\n"}`
	e, err := fhir.ParseElement([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	c := e.Clone()
	if got := string(c.AppendJSON(nil)); got != text || !c.Equal(e) {
		t.Errorf("the copy is %s", got)
	}
	if c.Get("s").Form() != fhir.Word || c.Get("u").Form() != fhir.AnyForm {
		t.Error("the copy does not know its words")
	}
	var check func(a, b *fhir.Element)
	check = func(a, b *fhir.Element) {
		if a == b || a.Text() != "" && unsafe.StringData(a.Text()) == unsafe.StringData(b.Text()) {
			t.Errorf("%s is shared", a.Text())
		}
		for i, m := range a.Members() {
			o := b.Members()[i]
			if m.Name != "" && unsafe.StringData(m.Name) == unsafe.StringData(o.Name) {
				t.Errorf("the name %s is shared", m.Name)
			}
			check(m.Value, o.Value)
		}
	}
	check(e, c)
	c.Get("a").Append(fhir.NewBool(false))
	c.Set("s", fhir.NewString("d"))
	if string(e.AppendJSON(nil)) != text {
		t.Error("changing the copy changed the original")
	}
}

// Every byte that means something in a string, at every place of a string of
// every length up to three loads, is read as encoding/json reads it.
func TestParse_StringsAtEveryPlace(t *testing.T) {
	marks := []string{"", " ", "!", `\"`, `\\`, `\n`, `é`, "😀", "\x7f", "\x80", "\x1f", "\x00", "\"", "\t", "\xa0", "\xff", `\u00e9`}
	for n := range 25 {
		for at := range n + 1 {
			for _, mark := range marks {
				for _, second := range []string{"", mark, " "} {
					s := strings.Repeat("x", at) + mark + second + strings.Repeat("y", n-at)
					text := `["` + s + `"]`
					e, err := fhir.ParseElement([]byte(text))
					var want []string
					wantErr := json.Unmarshal([]byte(text), &want)
					if strings.ContainsAny(s, "\x80\xa0\xff") && strings.ToValidUTF8(s, "") != s { //nolint:staticcheck // bytes that are no UTF-8 are meant
						if err == nil { // encoding/json mends these
							t.Fatalf("%q was taken", text)
						}
						continue
					}
					if (err == nil) != (wantErr == nil) {
						t.Fatalf("%q: %v, encoding/json %v", text, err, wantErr)
					}
					if err != nil {
						continue
					}
					if got := e.At(0).Text(); got != want[0] {
						t.Fatalf("%q is %q, want %q", text, got, want[0])
					}
					form := fhir.Word
					switch {
					case want[0] == "" || strings.Contains(s, `\`) || strings.ContainsFunc(want[0], func(r rune) bool { return r < ' ' || r > 0x7F }):
						form = fhir.AnyForm
					case strings.Contains(s, " "):
						form = fhir.Line
					}
					if e.At(0).Form() != form {
						t.Fatalf("%q: form %v, want %v", text, e.At(0).Form(), form)
					}
				}
			}
		}
	}
}

func TestParse_LargeDocumentsOfEveryDensity(t *testing.T) {
	for _, n := range []int{1, 339, 340, 341, 511, 512, 5000} {
		for _, item := range []string{`1`, `{}`, `[]`, `{"a":[1,{"b":null}]}`, `","`, `"` + strings.Repeat("long", 50) + `"`} {
			text := "[" + strings.TrimSuffix(strings.Repeat(item+",", n), ",") + "]"
			e, err := fhir.ParseElement([]byte(text))
			if err != nil || e.Len() != n || string(e.AppendJSON(nil)) != text {
				t.Fatalf("%d of %.20s: %v", n, item, err)
			}
		}
	}
}

// Documents read at the same time, broken ones among them, do not mix.
func TestParse_AtTheSameTime(t *testing.T) {
	done := make(chan error)
	for worker := range 4 {
		go func() {
			for i := range 200 {
				text := fmt.Sprintf(`{"w":%d,"list":[%s{"i":%d}]}`, worker, strings.Repeat(fmt.Sprintf(`{"k":["%d"]},`, worker), i), i)
				if e, err := fhir.ParseElement([]byte(text)); err != nil || string(e.AppendJSON(nil)) != text {
					done <- fmt.Errorf("%s: %w", text, err)
					return
				}
				if _, err := fhir.ParseElement([]byte(text[:len(text)-2])); err == nil {
					done <- fmt.Errorf("%s was taken without its end", text)
					return
				}
			}
			done <- nil
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
