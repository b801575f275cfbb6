package operation

import (
	"context"
	"strconv"

	"vitalwire/fhir"
	"vitalwire/server/store"
)

// stored reads the current version of a resource.
func (s *Set) stored(ctx context.Context, key fhir.Key) (*fhir.Resource, error) {
	v, err := s.version(ctx, key, "")
	if err != nil {
		return nil, err
	}
	return fhir.ParseResource(v.AppendJSON(nil))
}

// version reads a version of a resource, with "" the current one. Errors as those
// of a read: NotFound, NoVersion, Deleted.
func (s *Set) version(ctx context.Context, key fhir.Key, versionID string) (store.Version, error) {
	var v store.Version
	err := s.Engine.Store.View(ctx, func(r store.Reader) (err error) {
		if versionID == "" {
			v, err = r.Read(key)
			return err
		}
		n, err := strconv.ParseInt(versionID, 10, 64)
		if err != nil || n < 1 {
			return fhir.NoVersion(key, "of that form")
		}
		v, err = r.ReadVersion(key, n)
		return err
	})
	if err == nil && v.Deleted {
		err = fhir.Deleted(key, v.ETag())
	}
	return v, err
}
