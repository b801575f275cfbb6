package validate

import (
	"fmt"
	"strings"
	"testing"
)

func TestFieldTable_FindsEachNameAndNoOther(t *testing.T) {
	all := map[string]*field{}
	for n := range 24 {
		for _, text := range []string{strings.Repeat("a", n), strings.Repeat("ab", n), "_" + strings.Repeat("a", n), strings.Repeat("a", n) + "Code", fmt.Sprint(strings.Repeat("value", n/5), n)} {
			all[text] = &field{json: text}
		}
	}
	table := newFieldTable(all)
	for name, f := range all {
		if table.find(name) != f {
			t.Errorf("%q is not found", name)
		}
		for i := range len(name) {
			for _, c := range "b_Z" {
				other := name[:i] + string(c) + name[i+1:]
				if found := table.find(other); found != all[other] {
					t.Errorf("%q finds %v", other, found)
				}
			}
		}
	}
	empty := newFieldTable(nil)
	if empty.find("") != nil || empty.find("x") != nil {
		t.Error("an empty table finds something")
	}
}
