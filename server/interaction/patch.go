package interaction

import (
	"context"

	"vitalwire/fhir"
	"vitalwire/fhir/patch"
)

// JSONPatchType is the media type of JSON Patch (RFC 6902 §6).
const JSONPatchType = "application/json-patch+json"

// FHIRPathPatch reads a FHIRPath Patch from Parameters (R4 fhirpatch §3.1.8).
func (e *Engine) FHIRPathPatch(parameters *fhir.Resource) (patch.Patch, error) {
	structures, model := e.Definitions()
	return patch.ParseFHIRPath(parameters, structures, model)
}

// patched applies the patch of an entry to the version it replaces (R4 http
// §3.1.0.7).
func patched(ctx context.Context, a *action) (*fhir.Resource, error) {
	want, err := parseIfMatch(a.IfMatch)
	v := a.current
	switch {
	case err != nil:
		return nil, err
	case v.VersionID == 0 && want != 0:
		return nil, fhir.PreconditionFailed("%s is not known, so it has no version to match", a.key)
	case v.VersionID == 0:
		return nil, fhir.NotFound(a.key)
	case want != 0 && v.VersionID != want:
		return nil, fhir.PreconditionFailed("version %d of %s is not the current one", want, a.key).WithETag(v.ETag())
	case v.Deleted:
		return nil, fhir.Deleted(a.key, v.ETag())
	}
	was, err := fhir.ParseResource(v.AppendJSON(nil))
	if err != nil {
		return nil, err
	}
	now, err := a.Patch.Apply(ctx, was)
	if err != nil {
		return nil, err
	}
	if at, _ := partial(was); at == "" {
		if err := whole(now); err != nil {
			return nil, err
		}
	}
	return now, safeNarrative(was, now)
}

// safeNarrative takes away a narrative that was made from data which the patch
// changed, and refuses the patch where a person wrote it (R4 http §3.1.0.7: the
// server shall see to it that the narrative is not clinically unsafe).
func safeNarrative(was, now *fhir.Resource) error {
	if !patch.StaleNarrative(was, now) {
		return nil
	}
	switch now.Path("text", "status").Text() {
	case "generated", "extensions":
		now.Root().Set("text", nil)
	case "empty":
	default:
		return fhir.Unprocessable(now.Type()+".text",
			"the narrative says more than the data (status additional) and would no longer fit it; patch it too, or update the resource")
	}
	return nil
}
