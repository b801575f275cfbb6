package query

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"vitalwire/fhir"
)

// argument of a function: a value, or an expression to be evaluated on each item.
type argument struct {
	e    *fhir.Element
	each term
}

// function of JMESPath. each lists the arguments, by number from 0, that are
// expressions.
type function struct {
	name        string
	least, most int
	each        string
	call        func(a []argument, b *Budget) (*fhir.Element, error)
}

func functionOf(name string) *function {
	for _, f := range functions() {
		if f.name == name {
			return &f
		}
	}
	return nil
}

const many = 64

func functions() []function {
	return append(standard(), []function{
		{"add", 2, 2, "", arithmetic(func(x, y *big.Rat) (*big.Rat, error) { return new(big.Rat).Add(x, y), nil })},
		{"subtract", 2, 2, "", arithmetic(func(x, y *big.Rat) (*big.Rat, error) { return new(big.Rat).Sub(x, y), nil })},
		{"multiply", 2, 2, "", arithmetic(func(x, y *big.Rat) (*big.Rat, error) { return new(big.Rat).Mul(x, y), nil })},
		{"divide", 2, 2, "", arithmetic(func(x, y *big.Rat) (*big.Rat, error) {
			if y.Sign() == 0 {
				return nil, errZero
			}
			return new(big.Rat).Quo(x, y), nil
		})},
		{"pow", 2, 2, "", arithmetic(raise)},
		{"insertString", 3, 3, "", insertString},
		{"fromUnixTimestamp", 1, 1, "", unixTime(time.Second)},
		{"fromUnixTimestampMs", 1, 1, "", unixTime(time.Millisecond)},
	}...)
}

func standard() []function {
	return []function{
		{"abs", 1, 1, "", onNumber(func(r *big.Rat) *big.Rat { return r.Abs(r) })},
		{"avg", 1, 1, "", average},
		{"ceil", 1, 1, "", onNumber(func(r *big.Rat) *big.Rat { return whole(r, true) })},
		{"floor", 1, 1, "", onNumber(func(r *big.Rat) *big.Rat { return whole(r, false) })},
		{"contains", 2, 2, "", contains},
		{"ends_with", 2, 2, "", onTexts(strings.HasSuffix)},
		{"starts_with", 2, 2, "", onTexts(strings.HasPrefix)},
		{"join", 2, 2, "", join},
		{"keys", 1, 1, "", keys},
		{"values", 1, 1, "", values},
		{"length", 1, 1, "", length},
		{"map", 2, 2, "0", mapped},
		{"max", 1, 1, "", func(a []argument, b *Budget) (*fhir.Element, error) { return extreme(a[0].e, nil, true, b) }},
		{"min", 1, 1, "", func(a []argument, b *Budget) (*fhir.Element, error) { return extreme(a[0].e, nil, false, b) }},
		{"max_by", 2, 2, "1", func(a []argument, b *Budget) (*fhir.Element, error) { return extreme(a[0].e, a[1].each, true, b) }},
		{"min_by", 2, 2, "1", func(a []argument, b *Budget) (*fhir.Element, error) { return extreme(a[0].e, a[1].each, false, b) }},
		{"sort", 1, 1, "", func(a []argument, b *Budget) (*fhir.Element, error) { return sorted(a[0].e, nil, b) }},
		{"sort_by", 2, 2, "1", func(a []argument, b *Budget) (*fhir.Element, error) { return sorted(a[0].e, a[1].each, b) }},
		{"merge", 1, many, "", merge},
		{"not_null", 1, many, "", notNull},
		{"reverse", 1, 1, "", reverse},
		{"sum", 1, 1, "", sum},
		{"to_array", 1, 1, "", toArray},
		{"to_number", 1, 1, "", toNumber},
		{"to_string", 1, 1, "", toString},
		{"type", 1, 1, "", typeOf},
	}
}

func stringElement(s string) *fhir.Element { return fhir.NewString(s) }

// wrong says that an argument is of another type than the function takes.
func wrong(e *fhir.Element, want string) error {
	return fmt.Errorf("%s is not %s", kindName(e), want)
}

func kindName(e *fhir.Element) string {
	if e.Is(fhir.Array) {
		return "an array"
	}
	if e.Is(fhir.Object) {
		return "an object"
	}
	if e.Kind() == fhir.Null {
		return "null"
	}
	return "a " + e.Kind().String()
}

func ratFrom(e *fhir.Element) (*big.Rat, error) {
	if !e.Is(fhir.Number) {
		return nil, wrong(e, "a number")
	}
	r, ok := ratOf(e.Text())
	if !ok {
		return nil, errOverflow
	}
	return new(big.Rat).Set(r), nil
}

func arithmetic(do func(x, y *big.Rat) (*big.Rat, error)) func([]argument, *Budget) (*fhir.Element, error) {
	return func(a []argument, b *Budget) (*fhir.Element, error) {
		x, err := ratFrom(a[0].e)
		if err != nil {
			return nil, err
		}
		y, err := ratFrom(a[1].e)
		if err != nil {
			return nil, err
		}
		if err := b.Take(1, 1024); err != nil {
			return nil, err
		}
		r, err := do(x, y)
		if err != nil {
			return nil, err
		}
		return element(r)
	}
}

func onNumber(do func(*big.Rat) *big.Rat) func([]argument, *Budget) (*fhir.Element, error) {
	return func(a []argument, _ *Budget) (*fhir.Element, error) {
		r, err := ratFrom(a[0].e)
		if err != nil {
			return nil, err
		}
		return element(do(r))
	}
}

func whole(r *big.Rat, up bool) *big.Rat {
	q, rest := new(big.Int).DivMod(r.Num(), r.Denom(), new(big.Int))
	if up && rest.Sign() != 0 {
		q.Add(q, big.NewInt(1))
	}
	return new(big.Rat).SetInt(q)
}

// total adds the numbers of a list.
func total(e *fhir.Element, b *Budget) (*big.Rat, error) {
	if !e.Is(fhir.Array) {
		return nil, wrong(e, "an array of numbers")
	}
	if err := b.spend(e.Len()); err != nil {
		return nil, err
	}
	all := new(big.Rat)
	for _, m := range e.Members() {
		r, err := ratFrom(m.Value)
		if err != nil {
			return nil, err
		}
		if all.Add(all, r); all.Denom().BitLen() > 1024 {
			return nil, errOverflow
		}
	}
	return all, nil
}

func sum(a []argument, b *Budget) (*fhir.Element, error) {
	r, err := total(a[0].e, b)
	if err != nil {
		return nil, err
	}
	return element(r)
}

func average(a []argument, b *Budget) (*fhir.Element, error) {
	r, err := total(a[0].e, b)
	if err != nil || a[0].e.Len() == 0 {
		return nil, err
	}
	return element(r.Quo(r, new(big.Rat).SetInt64(int64(a[0].e.Len()))))
}

func onTexts(do func(s, part string) bool) func([]argument, *Budget) (*fhir.Element, error) {
	return func(a []argument, _ *Budget) (*fhir.Element, error) {
		for _, arg := range a {
			if !arg.e.Is(fhir.String) {
				return nil, wrong(arg.e, "a string")
			}
		}
		return fhir.NewBool(do(a[0].e.Text(), a[1].e.Text())), nil
	}
}

func contains(a []argument, b *Budget) (*fhir.Element, error) {
	switch a[0].e.Kind() {
	case fhir.String:
		if err := b.spend(len(a[0].e.Text()) / 64); err != nil {
			return nil, err
		}
		return fhir.NewBool(a[1].e.Is(fhir.String) && strings.Contains(a[0].e.Text(), a[1].e.Text())), nil
	case fhir.Array:
		for _, m := range a[0].e.Members() {
			if same, err := equal(m.Value, a[1].e, b); err != nil || same {
				return fhir.NewBool(same), err
			}
		}
		return fhir.NewBool(false), nil
	}
	return nil, wrong(a[0].e, "an array or a string")
}

func join(a []argument, b *Budget) (*fhir.Element, error) {
	if !a[0].e.Is(fhir.String) || !a[1].e.Is(fhir.Array) {
		return nil, errors.New("a string and an array of strings are needed")
	}
	var parts []string
	for _, m := range a[1].e.Members() {
		if !m.Value.Is(fhir.String) {
			return nil, wrong(m.Value, "a string")
		}
		if err := b.Take(1, itemSize+len(m.Value.Text())+len(a[0].e.Text())); err != nil {
			return nil, err
		}
		parts = append(parts, m.Value.Text())
	}
	return fhir.NewString(strings.Join(parts, a[0].e.Text())), nil
}

func keys(a []argument, b *Budget) (*fhir.Element, error) {
	if !a[0].e.Is(fhir.Object) {
		return nil, wrong(a[0].e, "an object")
	}
	var items []*fhir.Element
	for _, m := range a[0].e.Members() {
		items = append(items, fhir.NewString(m.Name))
	}
	return fhir.NewArray(items...), b.Take(1+len(items), itemSize)
}

func values(a []argument, b *Budget) (*fhir.Element, error) {
	if !a[0].e.Is(fhir.Object) {
		return nil, wrong(a[0].e, "an object")
	}
	return fhir.NewArray(children(a[0].e)...), b.Take(1+a[0].e.Len(), itemSize)
}

func children(e *fhir.Element) []*fhir.Element {
	items := make([]*fhir.Element, 0, e.Len())
	for _, m := range e.Members() {
		items = append(items, m.Value)
	}
	return items
}

func length(a []argument, _ *Budget) (*fhir.Element, error) {
	n := a[0].e.Len()
	switch a[0].e.Kind() {
	case fhir.String:
		n = utf8.RuneCountInString(a[0].e.Text())
	case fhir.Array, fhir.Object:
	default:
		return nil, wrong(a[0].e, "a string, an array or an object")
	}
	return fhir.NewNumber(fmt.Sprint(n)), nil
}

func mapped(a []argument, b *Budget) (*fhir.Element, error) {
	if !a[1].e.Is(fhir.Array) {
		return nil, wrong(a[1].e, "an array")
	}
	var items []*fhir.Element
	for _, m := range a[1].e.Members() {
		out, err := a[0].each.eval(made(m.Value), b)
		if err != nil {
			return nil, err
		}
		items = append(items, some(out.Element))
	}
	return fhir.NewArray(items...), b.Take(1+len(items), itemSize)
}

// ranked is an item with what it is ordered by.
type ranked struct{ item, by *fhir.Element }

// rank evaluates what a list is ordered by: all numbers, or all strings.
func rank(e *fhir.Element, by term, b *Budget) ([]ranked, error) {
	if !e.Is(fhir.Array) {
		return nil, wrong(e, "an array")
	}
	// An n log n of the greatest list is still within the budget's meaning.
	if err := b.spend(e.Len() * 8); err != nil {
		return nil, err
	}
	if err := b.Take(e.Len(), 2*itemSize); err != nil {
		return nil, err
	}
	list := make([]ranked, 0, e.Len())
	for _, m := range e.Members() {
		r := ranked{m.Value, m.Value}
		if by != nil {
			key, err := by.eval(made(m.Value), b)
			if err != nil {
				return nil, err
			}
			r.by = key.Element
		}
		if k := r.by.Kind(); k != fhir.Number && k != fhir.String || len(list) > 0 && k != list[0].by.Kind() {
			return nil, wrong(r.by, "a number or a string as those before")
		}
		list = append(list, r)
	}
	return list, nil
}

func order(x, y ranked) int {
	switch {
	case compare("<", made(x.by), made(y.by)):
		return -1
	case compare(">", made(x.by), made(y.by)):
		return 1
	}
	return 0
}

func extreme(e *fhir.Element, by term, greatest bool, b *Budget) (*fhir.Element, error) {
	list, err := rank(e, by, b)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	best := list[0]
	for _, r := range list[1:] {
		if o := order(r, best); greatest && o > 0 || !greatest && o < 0 {
			best = r
		}
	}
	return best.item, nil
}

func sorted(e *fhir.Element, by term, b *Budget) (*fhir.Element, error) {
	list, err := rank(e, by, b)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(list, order)
	items := make([]*fhir.Element, len(list))
	for i, r := range list {
		items[i] = r.item
	}
	return fhir.NewArray(items...), nil
}

func merge(a []argument, b *Budget) (*fhir.Element, error) {
	out := fhir.NewObject()
	for _, arg := range a {
		if !arg.e.Is(fhir.Object) {
			return nil, wrong(arg.e, "an object")
		}
		for _, m := range arg.e.Members() {
			if err := b.spend(1 + out.Len()); err != nil {
				return nil, err
			}
			if err := b.Take(1, itemSize); err != nil {
				return nil, err
			}
			out.Set(m.Name, m.Value)
		}
	}
	return out, nil
}

func notNull(a []argument, _ *Budget) (*fhir.Element, error) {
	for _, arg := range a {
		if arg.e.Kind() != fhir.Null {
			return arg.e, nil
		}
	}
	return nil, nil
}

func reverse(a []argument, b *Budget) (*fhir.Element, error) {
	switch a[0].e.Kind() {
	case fhir.String:
		runes := []rune(a[0].e.Text())
		slices.Reverse(runes)
		return fhir.NewString(string(runes)), b.Take(len(runes), 8)
	case fhir.Array:
		items := children(a[0].e)
		slices.Reverse(items)
		return fhir.NewArray(items...), b.Take(1+len(items), itemSize)
	}
	return nil, wrong(a[0].e, "an array or a string")
}

func toArray(a []argument, _ *Budget) (*fhir.Element, error) {
	if a[0].e.Is(fhir.Array) {
		return a[0].e, nil
	}
	return fhir.NewArray(some(a[0].e)), nil
}

// toNumber keeps the text of a number; a string that is none is null.
func toNumber(a []argument, _ *Budget) (*fhir.Element, error) {
	switch a[0].e.Kind() {
	case fhir.Number:
		return a[0].e, nil
	case fhir.String:
		if len(a[0].e.Text()) > 64 {
			return nil, nil
		}
		e, err := fhir.ParseElement([]byte(a[0].e.Text()))
		if err == nil && e.Is(fhir.Number) {
			return e, nil
		}
	}
	return nil, nil
}

func toString(a []argument, b *Budget) (*fhir.Element, error) {
	if a[0].e.Is(fhir.String) {
		return a[0].e, nil
	}
	// The text is as long as the value in the document, or was paid for when made.
	if err := b.Take(1, itemSize); err != nil {
		return nil, err
	}
	data := some(a[0].e).AppendJSON(nil)
	return fhir.NewString(string(data)), b.Take(len(data), 4)
}

func typeOf(a []argument, _ *Budget) (*fhir.Element, error) {
	return fhir.NewString(a[0].e.Kind().String()), nil
}

// insertString(original, toInsert, position): positions count characters from 0.
func insertString(a []argument, b *Budget) (*fhir.Element, error) {
	if !a[0].e.Is(fhir.String) || !a[1].e.Is(fhir.String) || !a[2].e.Is(fhir.Number) {
		return nil, errors.New("two strings and a number are needed")
	}
	runes := []rune(a[0].e.Text())
	at, ok := ratOf(a[2].e.Text())
	if !ok || !at.IsInt() || at.Sign() < 0 || at.Num().Cmp(big.NewInt(int64(len(runes)))) > 0 {
		return nil, errors.New("error: out of range")
	}
	n := at.Num().Int64()
	out := string(runes[:n]) + a[1].e.Text() + string(runes[n:])
	return fhir.NewString(out), b.Take(1+len(out), 4)
}

// unixTime reads seconds or milliseconds since 1970 and writes them as iomt-fhir
// does, 2021-07-07T17:00:00+0, with a fraction where there is one.
func unixTime(unit time.Duration) func([]argument, *Budget) (*fhir.Element, error) {
	return func(a []argument, _ *Budget) (*fhir.Element, error) {
		r, err := ratFrom(a[0].e)
		if err != nil {
			return nil, err
		}
		r.Mul(r, new(big.Rat).SetInt64(int64(unit/time.Millisecond)))
		if !r.IsInt() || new(big.Int).Abs(r.Num()).Cmp(big.NewInt(253402300799999)) > 0 || r.Num().Int64() < -62135596800000 {
			return nil, errors.New("error: out of range")
		}
		layout := "2006-01-02T15:04:05"
		at := time.UnixMilli(r.Num().Int64()).UTC()
		if at.Nanosecond() != 0 {
			layout += ".000"
		}
		return fhir.NewString(at.Format(layout) + "+0"), nil
	}
}
