package interaction

import (
	"bytes"

	"vitalwire/fhir"
	"vitalwire/server/store"
)

// labels are the lists in Meta that outlive an update which does not name them:
// they go only by $meta-delete or by a patch (R4 resource-operation-meta-delete).
// Codings are sets by system and code, profiles by the whole canonical.
var labels = []string{"profile", "security", "tag"}

// keepLabels is the resource with the labels of the current version that it does
// not have. profiles tells that it claims more profiles than before. The copy
// shares the unchanged elements with r.
func keepLabels(r *fhir.Resource, current store.Version) (kept *fhir.Resource, profiles bool, err error) {
	head := len(`{"resourceType":"","id":""`) + len(current.Key.Type) + len(current.Key.ID)
	if current.Deleted || len(current.Body) < head || !bytes.HasPrefix(current.Body[head:], []byte(`,"meta":`)) {
		return r, false, nil
	}
	old, err := fhir.ParseElement(current.Body)
	if err != nil {
		return nil, false, err
	}
	meta := fhir.NewObject()
	if given := r.Get("meta"); given != nil {
		meta = given.Clone()
	}
	changed := false
	for _, name := range labels {
		list := fhir.NewArray(meta.Get(name).Items()...)
		had := list.Len()
		for _, label := range old.Path("meta", name).Items() {
			if !holdsLabel(list, label) {
				list.Append(label)
			}
		}
		if list.Len() == had {
			continue
		}
		changed = true
		profiles = profiles || name == "profile"
		meta.Set(name, list)
	}
	if !changed {
		return r, false, nil
	}
	kept = r.WithIdentity(current.Key.ID)
	kept.Root().Set("meta", meta)
	return kept, profiles, nil
}

func holdsLabel(list, label *fhir.Element) bool {
	for _, item := range list.Items() {
		if label.Is(fhir.String) && item.Text() == label.Text() ||
			label.Is(fhir.Object) && item.Get("system").Text() == label.Get("system").Text() && item.Get("code").Text() == label.Get("code").Text() {
			return true
		}
	}
	return false
}
