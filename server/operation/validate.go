package operation

import (
	"context"

	"vitalwire/fhir"
	"vitalwire/fhir/validate"
	"vitalwire/server/store"
)

// validateOperation is Resource/$validate (R4 resource-operation-validate): what a server
// would say of the resource, as an OperationOutcome. The answer is 200 whatever
// it finds: it did what it was asked.
var validateOperation = Operation{
	Definition: "http://hl7.org/fhir/OperationDefinition/Resource-validate",
	Body:       "resource",
	Run:        runValidate,
}

func runValidate(ctx context.Context, s *Set, c Call) (*fhir.Resource, error) {
	mode := c.named("mode").Text()
	root := c.named("resource")
	switch mode {
	case "", "create", "update", "profile":
	case "delete":
		if c.ID == "" {
			return nil, fhir.BadSearch("mode delete is of an instance: Type/id/$validate")
		}
		root = nil
	default:
		return nil, fhir.BadSearch("mode must be create, update, delete or profile").WithCode(fhir.CodeValue)
	}
	if root == nil {
		if c.ID == "" {
			return nil, fhir.Malformed("", "$validate of a type needs a resource").WithCode(fhir.CodeRequired)
		}
		stored, err := s.stored(ctx, fhir.Key{Type: c.Type, ID: c.ID})
		if err != nil {
			return nil, err
		}
		root = stored
	}
	var issues []fhir.Issue
	if typ := root.Get("resourceType").Text(); typ != c.Type {
		issues = append(issues, fhir.Issue{Severity: fhir.ErrorLevel, Code: fhir.CodeInvalid, Text: "the resource is a " + typ + ", the URL says " + c.Type})
	}
	if id := root.Get("id").Text(); mode == "update" && c.ID != "" && id != c.ID {
		issues = append(issues, fhir.Issue{Severity: fhir.ErrorLevel, Code: fhir.CodeInvalid, Expression: c.Type + ".id", Text: "the id in the resource is not that of the URL"})
	}
	var profiles []string
	if profile := c.named("profile").Text(); profile != "" {
		profiles = append(profiles, profile)
	}
	issues = append(issues, s.Knowledge.Validator().Element(ctx, root, profiles, validate.Options{})...)
	if len(issues) == 0 {
		issues = []fhir.Issue{{Severity: fhir.Information, Code: fhir.CodeInformational, Text: "no issues were found"}}
	}
	return fhir.Outcome(issues), nil
}

// stored reads the current version of a resource.
func (s *Set) stored(ctx context.Context, key fhir.Key) (*fhir.Element, error) {
	var v store.Version
	err := s.Store.View(ctx, func(r store.Reader) (err error) {
		v, err = r.Read(key)
		return err
	})
	if err != nil {
		return nil, err
	}
	if v.Deleted {
		return nil, fhir.Deleted(key, v.ETag())
	}
	return fhir.ParseElement(v.AppendJSON(nil))
}
