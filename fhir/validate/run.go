package validate

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/path"
)

// run is one validation.
type run struct {
	v    *Validator
	ctx  context.Context
	opts Options

	issues  []fhir.Issue
	errors  int // errors found, those beyond the bound included
	dropped int
	limit   int
	seen    map[fhir.Issue]struct{}

	stack   []frame // from the outermost resource to the element at hand
	deepest int     // frames in use at once, for end
	steps   int
	nested  int // profiles inside profiles
	over    bool
	relaxed string // a value set whose required bindings only warn, see vitalSign

	env     *path.Env
	results path.Collection // scratch
	memo    memo
	bundles map[*fhir.Element]*bundleIndex
	indexed *fhir.Element // the last Bundle that was asked for its index
	last    *bundleIndex
	holds   map[*fhir.Element]map[string]*fhir.Element // contained resources by id
	trials  map[trialKey]trial                         // what conforms was answered
	checked map[trialKey]struct{}
	ids     map[idKey]struct{} // element ids of each resource
}

type idKey struct {
	resource *fhir.Element
	id       string
}

// frame is an element on the way to the one at hand.
type frame struct {
	f     *field // nil for the outermost resource
	sh    *shape // of objects
	el    *fhir.Element
	ext   *fhir.Element // the "_name" sibling of a primitive
	item  *path.Item    // made when an invariant needs it
	index int32         // in a list, -1 otherwise
	ids   bool          // set for a resource
}

// name is the FHIRPath name, "" for the outermost resource.
func (fr *frame) name() string {
	if fr.f == nil {
		return ""
	}
	return fr.f.name
}

// resolved stands for the step from a reference to its target.
var resolved = &field{name: "resolve()"}

func (r *run) begin(ctx context.Context, v *Validator, opts Options) {
	r.v, r.ctx, r.opts = v, ctx, opts
	r.issues, r.errors, r.dropped, r.steps, r.nested, r.over = nil, 0, 0, 0, 0, false
	if r.limit = opts.MaxIssues; r.limit <= 0 {
		r.limit = defaultIssues
	}
}

// end lets go of all data.
func (r *run) end() {
	stack := r.stack[:r.deepest]
	clear(stack)
	*r = run{stack: stack[:0]}
}

func (r *run) push(fr frame) {
	r.stack = append(r.stack, fr)
	r.deepest = max(r.deepest, len(r.stack))
}

// place is push for a value of a field.
func (r *run) place(f *field, index int32, el, ext *fhir.Element) *frame {
	n := len(r.stack)
	if n == cap(r.stack) {
		r.push(frame{})
	} else {
		r.stack = r.stack[:n+1]
		r.deepest = max(r.deepest, n+1)
	}
	fr := &r.stack[n]
	fr.f, fr.sh, fr.el, fr.ext, fr.item, fr.index, fr.ids = f, nil, el, ext, nil, index, false
	return fr
}
func (r *run) pop()        { r.stack = r.stack[:len(r.stack)-1] }
func (r *run) top() *frame { return &r.stack[len(r.stack)-1] }

// step spends one step; false when the budget or the caller's patience is at an end.
func (r *run) step() bool {
	if r.steps&0xFFF == 0xFFF {
		return r.spend(1)
	}
	r.steps++
	return !r.over
}

// spend spends n steps.
func (r *run) spend(n int) bool {
	before := r.steps
	r.steps += n
	if r.steps>>12 != before>>12 && !r.over {
		if r.steps > maxSteps {
			r.over = true
			r.issue(fhir.ErrorLevel, fhir.CodeTooCostly, "the resource takes more work than one validation may; what follows was not checked")
		} else if r.ctx.Err() != nil {
			r.over = true
			r.issue(fhir.ErrorLevel, fhir.CodeTimeout, "the validation was cancelled; what follows was not checked")
		}
	}
	return !r.over
}

// location is the FHIRPath of the element at hand.
func (r *run) location() string { return r.locate(len(r.stack)) }

func (r *run) locate(n int) string {
	var b strings.Builder
	for i := range r.stack[:n] {
		fr := &r.stack[i]
		if fr.f == nil {
			b.WriteString(fr.el.Get("resourceType").Text())
			continue
		}
		b.WriteByte('.')
		b.WriteString(fr.f.name)
		if fr.index >= 0 {
			b.WriteByte('[')
			b.WriteString(strconv.Itoa(int(fr.index)))
			b.WriteByte(']')
		}
		if fr.f.choice != "" {
			b.WriteString(".ofType(")
			b.WriteString(fr.f.choice)
			b.WriteByte(')')
		}
	}
	return b.String()
}

func (r *run) err(code fhir.Code, format string, args ...any) {
	r.issue(fhir.ErrorLevel, code, format, args...)
}

func (r *run) warn(code fhir.Code, format string, args ...any) {
	r.issue(fhir.Warning, code, format, args...)
}

// issue reports on the element at hand.
func (r *run) issue(severity fhir.Severity, code fhir.Code, format string, args ...any) {
	r.issueAt(severity, code, "", format, args...)
}

// errBelow reports an error on something below the element at hand.
func (r *run) errBelow(code fhir.Code, below, format string, args ...any) {
	r.issueAt(fhir.ErrorLevel, code, below, format, args...)
}

func (r *run) issueAt(severity fhir.Severity, code fhir.Code, below, format string, args ...any) {
	if r.full(severity) {
		return
	}
	r.report(severity, code, r.location()+below, format, args...)
}

// full counts an issue that is not to be kept and says so, before time goes
// into wording it.
func (r *run) full(severity fhir.Severity) bool {
	isError := severity == fhir.ErrorLevel || severity == fhir.Fatal
	if r.opts.ErrorsOnly && !isError {
		return true
	}
	if len(r.issues) < r.limit {
		return false
	}
	r.dropped++
	if isError {
		r.errors++
	}
	return true
}

// report adds an issue once; profiles that say the same need not say it twice.
func (r *run) report(severity fhir.Severity, code fhir.Code, expression, format string, args ...any) {
	if r.full(severity) {
		return
	}
	if severity == fhir.ErrorLevel || severity == fhir.Fatal {
		r.errors++
	}
	text := format
	if len(args) > 0 {
		text = fmt.Sprintf(format, args...)
	}
	is := fhir.Issue{Severity: severity, Code: code, Expression: expression, Text: text}
	if r.seen == nil {
		r.seen = make(map[fhir.Issue]struct{})
	}
	if _, twice := r.seen[is]; twice {
		return
	}
	r.seen[is] = struct{}{}
	r.issues = append(r.issues, is)
}

// try runs a check whose findings do not count and reports whether it found no
// error; why is the first error it found.
func (r *run) try(check func()) (ok bool, why string) {
	issues, errors, dropped, limit, seen, only := r.issues, r.errors, r.dropped, r.limit, r.seen, r.opts.ErrorsOnly
	r.issues, r.errors, r.limit, r.seen, r.opts.ErrorsOnly = nil, 0, 1, nil, true
	check()
	if ok = r.errors == 0; !ok && len(r.issues) > 0 {
		why = r.issues[0].Expression + ": " + r.issues[0].Text
	}
	r.issues, r.errors, r.dropped, r.limit, r.seen, r.opts.ErrorsOnly = issues, errors, dropped, limit, seen, only
	return ok, why
}

// trial is what was found of an element and a profile.
type trial struct {
	ok  bool
	why string
}

// finish says what was left out.
func (r *run) finish() {
	if r.dropped > 0 {
		r.issues = append(r.issues, fhir.Issue{
			Severity: fhir.Information, Code: fhir.CodeTooCostly,
			Text: fmt.Sprintf("%d more issues are not shown", r.dropped),
		})
		if r.errors > 0 && Valid(r.issues) {
			r.issues[len(r.issues)-1].Severity = fhir.ErrorLevel
		}
	}
}

// resourceFrame is the place of the innermost resource on the stack.
func (r *run) resourceFrame() int {
	for i := len(r.stack) - 1; i > 0; i-- {
		if r.stack[i].ids {
			return i
		}
	}
	return 0
}

// containerFrame is the place of the resource that may hold contained ones.
func (r *run) containerFrame() int {
	i := r.resourceFrame()
	for i > 0 && r.stack[i].name() == "contained" {
		i--
		for i > 0 && !r.stack[i].ids {
			i--
		}
	}
	return i
}

// item is the FHIRPath item of a place on the stack.
func (r *run) item(at int) path.Item {
	fr := &r.stack[at]
	if fr.item != nil {
		return *fr.item
	}
	var parent *path.Node
	if at > 0 {
		up := r.item(at - 1)
		parent = up.Node()
	}
	var typ *path.Type
	switch {
	case fr.sh != nil:
		typ = r.v.model.Type(fr.sh.path)
	case fr.f != nil:
		typ = r.v.model.Type(fr.f.typ)
	}
	it := r.v.model.Item(parent, fr.el, fr.ext, typ, fr.name(), int(fr.index))
	r.stack[at].item = &it
	return it
}

// words joins names for a message, at most a dozen.
func words(names []string) string {
	if len(names) > 12 {
		names = append(slices.Clone(names[:12]), "...")
	}
	return strings.Join(names, ", ")
}

// clip shortens a name or code for a message.
func clip(s string) string {
	if len(s) <= 80 {
		return s
	}
	n := 80
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n] + "..."
}
