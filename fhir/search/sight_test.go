package search

import "testing"

// The zero View sees nothing; a path that sets nothing shows nothing.
func TestView_FailsClosed(t *testing.T) {
	subject := &Subject{Type: "Patient", ID: "1"}
	id := "1"
	own := Clause{Param: &Param{Code: "_id", Type: ID}, Operands: []Operand{{Code: &id}}}
	for _, c := range []struct {
		view View
		want bool
	}{{View{}, false}, {View{Whole: true}, true}, {View{Any: []Clause{own}}, true}, {Everything("Patient"), true}} {
		if got, err := c.view.Sees(subject); err != nil || got != c.want {
			t.Errorf("%+v sees %v, %v", c.view, got, err)
		}
	}
	subject.ID = "2"
	if got, _ := (View{Any: []Clause{own}}).Sees(subject); got {
		t.Error("another resource is seen")
	}
}
