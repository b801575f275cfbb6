package ingest

import (
	"context"

	"vitalwire/fhir"
	"vitalwire/server/interaction"
	"vitalwire/server/store"
)

// changes are the elements that a new reading of a frame would change: those that differ
// from what a frame wrote last. What somebody else wrote since, and the frame never did,
// stays as it is.
func (b *before) changes(reading *fhir.Resource) (list []Change, edited bool) {
	seen := map[string]bool{"resourceType": true, "id": true}
	for _, r := range []*fhir.Element{b.base, reading.Root()} {
		for _, m := range r.Members() {
			if seen[m.Name] {
				continue
			}
			seen[m.Name] = true
			was, becomes, now := b.base.Get(m.Name), reading.Get(m.Name), b.now.Get(m.Name)
			if was.Equal(becomes) || now.Equal(becomes) {
				continue
			}
			change := Change{Element: m.Name, Was: was, Becomes: becomes}
			if !now.Equal(was) {
				change.Edited, edited = now, true
				if now == nil {
					change.Edited = fhir.NewString("(removed)")
				}
			}
			list = append(list, change)
		}
	}
	return list, edited
}

// update plans the next version of an Observation, if the frame says something else now.
func (x *rereading) update(ctx context.Context, c *candidate) error {
	old := c.was
	d := Difference{Observation: c.key.String()}
	switch {
	case old.now == nil:
		d.State, d.Note = Edited, "it was deleted since"
		x.tell(d, c.Resource)
		return nil
	case old.note != nil && old.by.Frame != x.plan.frame, c.Event && overtaken(old.now, c.Resource):
		d.State = Superseded
		x.tell(d, c.Resource)
		return nil
	}
	changes, edited := old.changes(c.Resource)
	if len(changes) == 0 {
		x.report.same++
		return nil
	}
	d.State, d.Elements = Changed, changes
	if edited {
		d.State = Edited
		x.tell(d, c.Resource)
		return nil
	}
	next := old.now.Clone()
	for _, change := range changes {
		next.Root().Set(change.Element, change.Becomes) // nil takes it away
	}
	if err := x.check(ctx, next); err != nil {
		return x.unfit(d, c.Resource, err)
	}
	if err := x.put(old, next, c.Resource.Root()); err != nil {
		return err
	}
	x.vouch[dataUpdate] = append(x.vouch[dataUpdate], c)
	x.tell(d, c.Resource)
	return nil
}

// put plans the next version of an Observation of the frame.
func (x *rereading) put(old *before, next *fhir.Resource, gave *fhir.Element) error {
	w := interaction.NewWrite(store.Put, old.version.Key, next)
	w.IfMatch = old.version.VersionID
	x.plan.write(w)
	return x.plan.wrote(x.r, &old.version, gave)
}

// vanish tells of what the frame does not say any more, and takes it back if that was
// chosen. It is never deleted.
func (x *rereading) vanish(ctx context.Context) error {
	for _, id := range x.entry.Made {
		old := x.olds[id]
		if old == nil || old.matched || old.now == nil || old.note != nil && old.by.Frame != x.plan.frame {
			continue
		}
		if old.now.Get("status").Text() == "entered-in-error" {
			x.report.same++
			continue
		}
		d := Difference{State: Vanished, Observation: old.version.Key.String(), Elements: []Change{{Element: "value", Was: value(old.now)}}}
		if x.nullify {
			next := old.now.Clone()
			next.Root().Set("status", fhir.NewString("entered-in-error"))
			if err := x.check(ctx, next); err != nil {
				if err := x.unfit(d, old.now, err); err != nil {
					return err
				}
				continue
			}
			gave := old.base.Clone()
			gave.Set("status", fhir.NewString("entered-in-error"))
			if err := x.put(old, next, gave); err != nil {
				return err
			}
			d.Note = "entered-in-error"
			c := &candidate{key: old.version.Key}
			if len(x.news) > 0 {
				c.w, c.at = x.news[0].w, x.news[0].at
			} else if device, ok := fhir.ParseKey(old.now.Path("device", "reference").Text()); ok {
				c.at.sensor = device
			}
			x.vouch[dataNullify] = append(x.vouch[dataNullify], c)
		}
		x.tell(d, old.now)
	}
	return nil
}
