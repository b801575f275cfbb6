package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"vitalwire/adapters"
	"vitalwire/fhir"
	"vitalwire/server/store"
)

// Refusal selects refused frames; "" selects all.
type Refusal struct {
	Adapter string `json:"adapter,omitempty"`
	// Device is that of the submission, in any usual writing.
	Device string `json:"device,omitempty"`
	// Reason is a part of the reason.
	Reason string `json:"reason,omitempty"`
	// From and To are instants: when they were received, To excluded.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

// selection is a Refusal brought into the form of the books.
func (q Refusal) selection() (Frames, error) {
	f := Frames{Adapter: q.Adapter, Device: q.Device, From: q.From, To: q.To}
	return f, f.check()
}

func (r Refused) in(q Frames, reason string) bool {
	if q.Adapter != "" && r.Submission.Adapter != q.Adapter || !strings.Contains(r.Reason, reason) {
		return false
	}
	if device, _ := normalEUI("", r.Submission.Device, 16, 12); q.Device != "" && device != q.Device {
		return false
	}
	at, err := time.Parse(instantLayout, r.ReceivedAt)
	key := sortable(at)
	return err == nil && key >= q.From && !q.over(key)
}

// Redriven tells of one refused frame that was tried again.
type Redriven struct {
	ID string `json:"id"`
	// Taken is set for one that is not refused now; else Reason says why it is.
	Taken  bool   `json:"taken"`
	Reason string `json:"reason,omitempty"`
	// Readings are how many it gives.
	Readings int `json:"readings,omitempty"`
}

// Redrive tries refused frames again, in the order of their ids after one of them ("" to
// begin), at most limit; next is where to go on, "" at the end. With dry nothing is
// stored: it tells what would become of them. A frame that was taken is refused no more,
// so that it may be done again after any failure.
// Errors: Malformed for a selection that makes no sense; those of the store.
func (s *Service) Redrive(ctx context.Context, q Refusal, dry bool, after string, limit int) (list []Redriven, next string, err error) {
	selected, err := q.selection()
	if err != nil {
		return nil, "", err
	}
	list, next = []Redriven{}, after
	for looked := 0; looked < mostLooked; looked += limit {
		page, err := s.Refusals(ctx, next, limit)
		if err != nil {
			return list, next, err
		}
		for _, one := range page {
			if one.in(selected, q.Reason) {
				tried, err := s.redriveOne(ctx, one, dry)
				if err != nil {
					return list, next, err
				}
				list = append(list, tried)
			}
			if next = one.ID; len(list) == limit {
				return list, next, nil
			}
		}
		if len(page) < limit {
			return list, "", nil
		}
	}
	return list, next, nil
}

// RedriveOne tries one refused frame again, or with dry says what would become of it.
// Errors: NotFound; those of the store.
func (s *Service) RedriveOne(ctx context.Context, id string, dry bool) (Redriven, error) {
	var one Refused
	err := s.Store.View(ctx, func(r store.Reader) error {
		_, ok, err := readRecord(r, refused, id, &one)
		if err == nil && !ok {
			err = fhir.NotFound(fhir.Key{Type: "refused", ID: id})
		}
		return err
	})
	if err != nil {
		return Redriven{}, err
	}
	return s.redriveOne(ctx, one, dry)
}

func (s *Service) redriveOne(ctx context.Context, one Refused, dry bool) (Redriven, error) {
	out := Redriven{ID: one.ID}
	var receipt *Receipt
	var err error
	if dry {
		receipt, err = s.trial(ctx, one)
	} else {
		receipt, err = s.Replay(ctx, one.ID)
	}
	var bad *adapters.Error
	var wrong *invalid
	switch situation := fhir.SituationOf(err); {
	case err == nil:
		out.Taken, out.Readings = true, len(receipt.Readings)
	case errors.As(err, &bad), errors.As(err, &wrong):
		out.Reason = err.Error()
	case situation == fhir.SituationMalformed, situation == fhir.SituationUnprocessable, situation == fhir.SituationUnknownType, situation == fhir.SituationNotFound:
		out.Reason = err.Error()
	default:
		return out, err
	}
	return out, nil
}

// trial is what a refused frame would become; nothing is stored.
func (s *Service) trial(ctx context.Context, one Refused) (*Receipt, error) {
	adapter, err := s.adapter(one.Submission.Adapter)
	if err != nil {
		return nil, err
	}
	at, err := time.Parse(instantLayout, one.ReceivedAt)
	if err != nil {
		return nil, err
	}
	f, err := s.frame(one.Submission, at)
	if err != nil {
		return nil, err
	}
	p, err := s.plan(ctx, adapter, f)
	if err != nil {
		return nil, err
	}
	return &p.receipt, nil
}

// Release maps and stores what waits and has a patient by now, of a device or, for "", of
// all: an association does so by itself, a Patient that got an identifier does not. It
// counts the readings. Errors: Malformed.
func (s *Service) Release(ctx context.Context, device string) (released int, err error) {
	if device, err = normalEUI("device", device, 16, 12); err != nil {
		return 0, err
	}
	return s.release(ctx, device)
}

// PruneRefused forgets frames that were refused longer ago than keep, and counts them.
func (s *Service) PruneRefused(ctx context.Context, keep time.Duration) (pruned int, err error) {
	until := s.Now().Add(-keep)
	for after := ""; ; {
		var page []store.Record
		err := s.Store.View(ctx, func(r store.Reader) (err error) {
			page, err = r.Records(refused, "", after, releaseBatch)
			return err
		})
		if err != nil {
			return pruned, err
		}
		for _, record := range page {
			after = record.Key
			var one Refused
			if err := json.Unmarshal(record.Value, &one); err != nil {
				return pruned, err
			}
			if at, err := time.Parse(instantLayout, one.ReceivedAt); err != nil || !at.Before(until) {
				continue
			}
			// One that was refused again meanwhile stays.
			err := s.Store.Apply(ctx, store.Unit{Records: []store.RecordWrite{{Collection: refused, Key: record.Key, IfValue: record.Value}}})[0].Err
			if err != nil && !errors.Is(err, fhir.Conflict("")) {
				return pruned, err
			}
			if err == nil {
				pruned++
			}
		}
		if len(page) < releaseBatch {
			return pruned, nil
		}
	}
}

// KeepRefused forgets refused frames that are older than keep, each hour until ctx ends.
func (s *Service) KeepRefused(ctx context.Context, keep time.Duration) {
	ticker := time.NewTicker(time.Hour)
	defer ticker.Stop()
	for {
		switch n, err := s.PruneRefused(ctx, keep); {
		case err != nil && ctx.Err() == nil:
			s.Log.Warn("refused frames that are past their time could not be removed", "error", err)
		case n > 0:
			s.Log.Info("refused frames that were past their time are removed", "frames", n)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
