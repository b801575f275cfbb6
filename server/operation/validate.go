package operation

import (
	"context"

	"vitalwire/fhir"
	"vitalwire/fhir/validate"
)

// validateOperation is Resource/$validate (R4 resource-operation-validate): what a server
// would say of the resource, as an OperationOutcome. The answer is 200 whatever
// it finds: it did what it was asked.
var validateOperation = Operation{
	Definition: "http://hl7.org/fhir/OperationDefinition/Resource-validate",
	Needs:      handles,
	Body:       "resource",
	Run:        runValidate,
}

func runValidate(ctx context.Context, s *Set, c Call) (Result, error) {
	mode := c.named("mode").Text()
	root := c.named("resource")
	switch mode {
	case "", "create", "update", "profile":
	case "delete":
		if c.ID == "" {
			return Result{}, fhir.BadSearch("mode delete is of an instance: Type/id/$validate")
		}
		root = nil
	default:
		return Result{}, fhir.BadSearch("mode must be create, update, delete or profile").WithCode(fhir.CodeValue)
	}
	if root == nil {
		if c.ID == "" {
			return Result{}, fhir.Malformed("", "$validate of a type needs a resource").WithCode(fhir.CodeRequired)
		}
		stored, err := s.stored(ctx, c.key())
		if err != nil {
			return Result{}, err
		}
		root = stored.Root()
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
	// Of create and update it says what the write would; else all that R4 asks.
	writes := mode == "create" || mode == "update"
	if writes {
		profiles = append(profiles, s.Knowledge.Demanded(root.Get("resourceType").Text())...)
	}
	issues = append(issues, s.Knowledge.Validate(ctx, root, profiles, validate.Options{VitalSigns: !writes})...)
	if len(issues) == 0 {
		issues = []fhir.Issue{{Severity: fhir.Information, Code: fhir.CodeInformational, Text: "no issues were found"}}
	}
	return answer(fhir.Outcome(issues), nil)
}
