package validate_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/validate"
)

func element(t testing.TB, text string) *fhir.Element {
	t.Helper()
	e, err := fhir.ParseElement([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestIssues_AreBounded(t *testing.T) {
	names := strings.Repeat(`{"familyx":"x"},`, 10_000)
	root := element(t, `{"resourceType":"Patient","name":[`+names[:len(names)-1]+`]}`)
	issues := newR4().Element(context.Background(), root, nil, validate.Options{})
	if len(issues) != 201 || issues[200].Code != fhir.CodeTooCostly || !strings.Contains(issues[200].Text, "9800 more") {
		t.Errorf("%d issues, the last %+v", len(issues), issues[len(issues)-1])
	}
	if got := newR4().Element(context.Background(), root, nil, validate.Options{MaxIssues: 3}); len(got) != 4 {
		t.Errorf("%d issues", len(got))
	}
}

func TestCancelled_SaysSo(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	given := strings.Repeat(`"x",`, 200_000)
	root := element(t, `{"resourceType":"Patient","name":[{"given":[`+given[:len(given)-1]+`]}]}`)
	issues := newR4().Element(ctx, root, nil, validate.Options{})
	if validate.Valid(issues) || issues[0].Code != fhir.CodeTimeout {
		t.Errorf("%+v", issues)
	}
}

func TestMillion_IsRead(t *testing.T) {
	given := strings.Repeat(`"x",`, 1_000_000)
	root := element(t, `{"resourceType":"Patient","name":[{"given":[`+given[:len(given)-1]+`]}]}`)
	start := time.Now()
	if issues := newR4().Element(context.Background(), root, nil, validate.Options{}); !validate.Valid(issues) {
		t.Errorf("%+v", issues[0])
	}
	t.Logf("a list of 10^6 took %s", time.Since(start))
}

// Work must grow with the size of the input, not with its square.
func TestWork_IsLinear(t *testing.T) {
	const n = 60_000
	var contained, list, items, questions strings.Builder
	for i := range n {
		fmt.Fprintf(&contained, `{"resourceType":"Patient","id":"p%d"},`, i)
		fmt.Fprintf(&list, `{"item":{"reference":"#p%d"}},`, i)
		fmt.Fprintf(&items, `{"linkId":"q%d","answer":[{"valueBoolean":true}]},`, i)
		fmt.Fprintf(&questions, `{"linkId":"q%d","type":"boolean","enableWhen":[{"question":"q0","operator":"exists","answerBoolean":true}]},`, i)
	}
	cut := func(b *strings.Builder) string { return strings.TrimSuffix(b.String(), ",") }
	for name, text := range map[string]string{
		"contained": `{"resourceType":"List","status":"current","mode":"working","contained":[` + cut(&contained) + `],"entry":[` + cut(&list) + `]}`,
		"answers": `{"resourceType":"QuestionnaireResponse","status":"completed","questionnaire":"#q","contained":[{"resourceType":"Questionnaire","id":"q","status":"active","item":[` +
			cut(&questions) + `]}],"item":[` + cut(&items) + `]}`,
	} {
		root := element(t, text)
		start := time.Now()
		issues := newR4().Element(context.Background(), root, nil, validate.Options{})
		spent := time.Since(start)
		t.Logf("%s: %d bytes, %s, %v", name, len(text), spent, issues)
		if spent > 30*time.Second {
			t.Errorf("%s took %s", name, spent)
		}
	}
}

// A profile whose targets lead back to itself must come to an end.
func TestCircles_End(t *testing.T) {
	v := withProfiles(t, [3]string{"Patient", "circle", `{"id":"Patient","path":"Patient"},{"id":"Patient.link","path":"Patient.link","min":1},{"id":"Patient.link.other","path":"Patient.link.other","type":[{"code":"Reference","targetProfile":["http://x/circle"]}]}`})
	root := element(t, `{"resourceType":"Bundle","type":"collection","entry":[
		{"fullUrl":"http://h/Patient/a","resource":{"resourceType":"Patient","id":"a","meta":{"profile":["http://x/circle"]},"link":[{"type":"seealso","other":{"reference":"Patient/b"}}]}},
		{"fullUrl":"http://h/Patient/b","resource":{"resourceType":"Patient","id":"b","link":[{"type":"seealso","other":{"reference":"Patient/a"}}]}}]}`)
	if issues := v.Element(context.Background(), root, nil, validate.Options{}); !validate.Valid(issues) {
		t.Errorf("%+v", issues)
	}
}

func TestValidator_IsSafeForConcurrentUse(t *testing.T) {
	v := newR4()
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			root := element(t, strings.Replace(observation, "bp-2026", fmt.Sprintf("bp-%d", i), 1))
			for range 20 {
				if issues := v.Element(context.Background(), root, nil, validate.Options{}); !validate.Valid(issues) {
					t.Errorf("%+v", issues)
				}
			}
		}()
	}
	wait.Wait()
}

func TestOptions(t *testing.T) {
	v := newR4()
	unknown := `{"resourceType":"Patient","extension":[{"url":"http://x/e","valueString":"x"}]}`
	check(t, v, "refused", unknown, nil, validate.Options{UnknownExtensions: validate.Refuse}, "extension Patient.extension[0]")
	check(t, v, "known", unknown, nil, validate.Options{UnknownExtensions: validate.Refuse, KnownExtensions: []string{"http://x/"}})
	check(t, v, "structure only", `{"resourceType":"Patient","gender":"man","naem":1}`, nil, validate.Options{StructureOnly: true}, "structure Patient")
	advice := `{"resourceType":"Patient"}`
	check(t, v, "advice", advice, nil, validate.Options{BestPractice: true}, "warning invariant Patient")
	subject := `{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/1"}}`
	nobody := func(context.Context, string) *fhir.Resource { return nil }
	check(t, v, "must exist", subject, nil, validate.Options{References: validate.ReferencesExist, Resolve: nobody}, "invalid Observation.subject")
	other := func(context.Context, string) *fhir.Resource { return fhir.NewResource("Group") }
	check(t, v, "is another type", subject, nil, validate.Options{References: validate.ReferencesExist, Resolve: other}, "invalid Observation.subject")
	display := `{"resourceType":"Patient","maritalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-MaritalStatus","code":"M","display":"Wed"}]}}`
	check(t, v, "display refused", display, nil, validate.Options{WrongDisplay: validate.Refuse}, "invalid Patient.maritalStatus.coding[0].display")
	check(t, v, "no codes known", `{"resourceType":"Patient","gender":"man"}`, nil, validate.Options{ErrorsOnly: true}, "code-invalid Patient.gender")
}
