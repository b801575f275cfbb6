package interaction

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// explainParameter asks how a search is answered. It is ours, not R4's.
const explainParameter = "_explain"

// takeExplain takes _explain out of a raw query.
func takeExplain(query string) (rest string, explain bool, err error) {
	var kept []string
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if name, err := url.QueryUnescape(name); err != nil || name != explainParameter {
			kept = append(kept, pair)
			continue
		}
		if value != "1" && value != "true" {
			return "", false, fhir.BadSearch("%s must be 1", explainParameter)
		}
		explain = true
	}
	return strings.Join(kept, "&"), explain, nil
}

// explaining is a reader that notes how its searches are answered.
type explaining struct {
	store.Reader
	issues []fhir.Issue
}

// Search answers a query.
func (x *explaining) Search(q *search.Query) (store.Result, error) {
	explainer, ok := x.Reader.(store.Explainer)
	if !ok {
		return x.Reader.Search(q)
	}
	result, plan, err := explainer.Explain(q)
	if plan.Driver != "" {
		x.note("%s: walked is %s", q.Type, plan.Driver)
	}
	for _, s := range plan.Steps {
		x.note("%s: %s: %d rows in %d us", q.Type, s.Name, s.Rows, s.Took/time.Microsecond)
	}
	return result, err
}

func (x *explaining) note(format string, args ...any) {
	x.issues = append(x.issues, fhir.Issue{Severity: fhir.Information, Code: fhir.CodeInformational, Text: fmt.Sprintf(format, args...)})
}
