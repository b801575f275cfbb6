package operation

import (
	"context"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/interaction"
	"vitalwire/server/store"
)

// The operations on Meta (R4 resource-operation-meta, -meta-add, -meta-delete).
var (
	meta = Operation{
		Definition: "http://hl7.org/fhir/OperationDefinition/Resource-meta", Versions: true,
		Run: runMeta,
	}
	metaAdd = Operation{
		Definition: "http://hl7.org/fhir/OperationDefinition/Resource-meta-add", Changes: true, Needs: updates,
		Run: func(ctx context.Context, s *Set, c Call) (Result, error) { return changeMeta(ctx, s, c, addLabels) },
	}
	metaDelete = Operation{
		Definition: "http://hl7.org/fhir/OperationDefinition/Resource-meta-delete", Changes: true, Needs: updates,
		Run: func(ctx context.Context, s *Set, c Call) (Result, error) { return changeMeta(ctx, s, c, dropLabels) },
	}
)

// labels are the lists in Meta that these operations know. Those of Codings are
// sets by system and code, profile is one by the whole canonical.
var labels = []string{"profile", "security", "tag"}

func runMeta(ctx context.Context, s *Set, c Call) (Result, error) {
	if c.ID == "" {
		return s.labelsInUse(ctx, c.Type)
	}
	v, err := s.version(ctx, c.key(), c.VersionID)
	if err != nil {
		return Result{}, err
	}
	e, err := fhir.ParseElement(v.AppendJSON(nil))
	if err != nil {
		return Result{}, err
	}
	return returned("Meta", e.Get("meta"))
}

// maxLabelled bounds the resources that $meta of a type or of the system reads.
const maxLabelled = 50_000

// labelsInUse gathers the labels of all resources of a type, or of all types.
func (s *Set) labelsInUse(ctx context.Context, typ string) (Result, error) {
	types := []string{typ}
	if typ == "" {
		types = fhir.ResourceTypes()
	}
	all := fhir.NewObject()
	n := 0
	for _, typ := range types {
		for _, label := range labels {
			param := s.Engine.Search.Lookup(typ, "_"+label)
			if param == nil {
				continue
			}
			has := false
			query := &search.Query{Type: typ, Filter: []search.Clause{{Param: param, Missing: &has}}, Count: batchSize}
			err := s.eachMatch(ctx, query, func(v store.Version) error {
				if n++; n > maxLabelled {
					return fhir.TooCostly("more than %d resources have labels; ask $meta of a type or of an instance", maxLabelled)
				}
				e, err := fhir.ParseElement(v.Body)
				addLabels(all, e.Get("meta"))
				return err
			})
			if err != nil {
				return Result{}, err
			}
		}
	}
	return returned("Meta", all)
}

// changeMeta makes a new version whose labels are changed. R4 leaves open whether
// that is a new version; we make one, since versions never change and others may
// hold the old one's ETag. Where nothing changes there is none.
func changeMeta(ctx context.Context, s *Set, c Call, change func(meta, by *fhir.Element)) (Result, error) {
	by := c.named("meta")
	if !by.Is(fhir.Object) {
		return Result{}, fhir.Malformed("Parameters.parameter", "parameter meta is a valueMeta").WithCode(fhir.CodeRequired)
	}
	var now *fhir.Element
	changed := false
	err := s.Engine.Store.Update(ctx, func(tx store.Tx) error {
		v, err := tx.Read(c.key())
		if err != nil {
			return err
		}
		if v.Deleted {
			return fhir.Deleted(c.key(), v.ETag())
		}
		r, err := fhir.ParseResource(v.AppendJSON(nil))
		if err != nil {
			return err
		}
		now = r.Get("meta")
		before := now.Clone()
		change(now, by)
		if changed = !now.Equal(before); !changed {
			return nil
		}
		if s.Engine.Check != nil {
			if _, err := s.Engine.Check(ctx, r); err != nil {
				return err
			}
		}
		write := interaction.NewWrite(store.Put, c.key(), r)
		write.IfMatch = v.VersionID
		if v, err = tx.Write(write); err != nil {
			return err
		}
		stored, err := fhir.ParseElement(v.AppendJSON(nil))
		now = stored.Get("meta")
		return err
	})
	if err != nil {
		return Result{}, err
	}
	if changed && s.Engine.Wrote != nil {
		s.Engine.Wrote(c.key())
	}
	return returned("Meta", now)
}

// addLabels adds the labels of by that meta does not have.
func addLabels(meta, by *fhir.Element) {
	for _, label := range labels {
		list := fhir.NewArray(meta.Get(label).Items()...)
		for _, item := range by.Get(label).Items() {
			if !holds(list, item) {
				list.Append(item)
			}
		}
		setList(meta, label, list)
	}
}

// dropLabels takes the labels of by away from meta.
func dropLabels(meta, by *fhir.Element) {
	for _, label := range labels {
		list := fhir.NewArray()
		for _, item := range meta.Get(label).Items() {
			if !holds(by.Get(label), item) {
				list.Append(item)
			}
		}
		setList(meta, label, list)
	}
}

func setList(meta *fhir.Element, label string, list *fhir.Element) {
	if list.Len() == 0 {
		list = nil
	}
	meta.Set(label, list)
}

// holds reports whether a list has a label, version and display left aside.
func holds(list, label *fhir.Element) bool {
	for _, item := range list.Items() {
		if label.Is(fhir.String) && item.Text() == label.Text() ||
			label.Is(fhir.Object) && item.Get("system").Text() == label.Get("system").Text() && item.Get("code").Text() == label.Get("code").Text() {
			return true
		}
	}
	return false
}
