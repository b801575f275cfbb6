package interaction

import (
	"context"

	"vitalwire/fhir"
	"vitalwire/fhir/patch"
	"vitalwire/server/store"
)

// JSONPatchType is the media type of JSON Patch (RFC 6902 §6).
const JSONPatchType = "application/json-patch+json"

// FHIRPathPatch reads a FHIRPath Patch from Parameters (R4 fhirpatch §3.1.8).
func (e *Engine) FHIRPathPatch(parameters *fhir.Resource) (patch.Patch, error) {
	structures, model := e.Definitions()
	return patch.ParseFHIRPath(parameters, structures, model)
}

// patch is R4 http §3.1.0.7. It reads, changes and writes inside one
// transaction: of patches at once none is lost.
func (e *Engine) patch(ctx context.Context, r Request) (Response, error) {
	var response Response
	err := e.Store.Update(ctx, func(tx store.Tx) error {
		write, issues, err := e.patched(ctx, tx, r)
		if err != nil {
			return err
		}
		v, err := tx.Write(write)
		response = Response{Stored: true, Version: &v, Issues: issues}
		return err
	})
	if err != nil {
		return Response{}, err
	}
	e.wrote(r.Key)
	return response, nil
}

// patched is the write that a patch comes to, checked like the body of an update.
func (e *Engine) patched(ctx context.Context, s store.Reader, r Request) (store.Write, []fhir.Issue, error) {
	resource, v, err := e.patchedResource(ctx, s, r)
	if err != nil {
		return store.Write{}, nil, err
	}
	r.Body = resource
	issues, err := e.check(ctx, r)
	if err != nil {
		return store.Write{}, nil, err
	}
	write := e.newWrite(store.Put, r.Key, resource)
	write.IfMatch = v.VersionID
	return write, issues, nil
}

// patchedResource applies the patch to the current version, which it gives too.
func (e *Engine) patchedResource(ctx context.Context, s store.Reader, r Request) (*fhir.Resource, store.Version, error) {
	want, err := parseIfMatch(r.IfMatch)
	if err != nil {
		return nil, store.Version{}, err
	}
	v, err := s.Read(r.Key)
	switch {
	case want != 0 && fhir.SituationOf(err) == fhir.SituationNotFound:
		return nil, v, fhir.PreconditionFailed("%s is not known, so it has no version to match", r.Key)
	case err != nil:
		return nil, v, err
	case want != 0 && v.VersionID != want:
		return nil, v, fhir.PreconditionFailed("version %d of %s is not the current one", want, r.Key).WithETag(v.ETag())
	case v.Deleted:
		return nil, v, fhir.Deleted(r.Key, v.ETag())
	}
	was, err := fhir.ParseResource(v.AppendJSON(nil))
	if err != nil {
		return nil, v, err
	}
	now, err := r.Patch.Apply(ctx, was)
	if err != nil {
		return nil, v, err
	}
	return now, v, safeNarrative(was, now)
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
