package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"vitalwire/adapters"
	"vitalwire/fhir"
	"vitalwire/server/store"
)

// Refused is a frame that could not be read, kept with its error so that it can
// be replayed when the cause is mended.
type Refused struct {
	ID         string     `json:"id"`
	Submission Submission `json:"submission"`
	ReceivedAt string     `json:"receivedAt"`
	Offset     int        `json:"offset"` // of the offending byte
	Reason     string     `json:"reason"`
	// Times counts how often the same frame was refused.
	Times int `json:"times"`
}

// Refuse keeps a frame that a wire cannot submit, such as one with an address that
// makes no sense, for senders that cannot be told so. why is kept with it.
func (s *Service) Refuse(ctx context.Context, sub Submission, why error) error {
	sum := sha256.Sum256(sub.Bytes)
	f := frame{hash: hex.EncodeToString(sum[:]), received: s.Now().In(s.Zone)}
	f.Device, f.Gateway = sub.Device, sub.Gateway
	err := s.refuse(ctx, sub, f, &adapters.Error{Reason: why.Error()})
	if declined := (*DeclinedError)(nil); errors.As(err, &declined) {
		return nil
	}
	return err
}

// refuse keeps a bad frame and gives the error its sender gets.
func (s *Service) refuse(ctx context.Context, sub Submission, f frame, bad *adapters.Error) error {
	id := refusalID(sub, f)
	r := Refused{ID: id, Submission: sub, ReceivedAt: f.received.Format(instantLayout), Offset: bad.Offset, Reason: bad.Reason, Times: 1}
	err := s.Store.Update(ctx, func(tx store.Tx) error {
		r.Times = 1
		data, ok, err := tx.Record(refused, id)
		if err != nil {
			return err
		}
		if ok {
			var before Refused
			if err := json.Unmarshal(data, &before); err != nil {
				return err
			}
			r.Times = before.Times + 1
		}
		return putJSON(tx, refused, id, r)
	})
	if err != nil {
		return err
	}
	text := "adapter %s, byte %d: %s (kept as refused %s)"
	answer := fhir.Malformed("", text, sub.Adapter, bad.Offset, bad.Reason, id)
	if bad.Unprocessable {
		answer = fhir.Unprocessable("", text, sub.Adapter, bad.Offset, bad.Reason, id)
	}
	return &DeclinedError{Err: answer, Reply: bad.Reply}
}

// DeclinedError is the error of a frame that was refused, and kept as such.
type DeclinedError struct {
	Err *fhir.Error
	// Reply is what the sender waits for, nil when the adapter had no answer.
	Reply []byte
}

func (e *DeclinedError) Error() string { return e.Err.Error() }

// Unwrap gives the error as the REST side tells it.
func (e *DeclinedError) Unwrap() error { return e.Err }

// refusalID names a refused frame by what was sent and as what, not by when.
func refusalID(sub Submission, f frame) string {
	h := sha256.New()
	for _, part := range []string{sub.Adapter, f.Device, f.Gateway, f.Characteristic, f.hash} {
		h.Write([]byte(part + "\n"))
	}
	if f.Device == "" {
		h.Write([]byte(sub.Topic))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Refusals lists refused frames by id; after is the last id seen, "" to begin.
func (s *Service) Refusals(ctx context.Context, after string, limit int) (list []Refused, err error) {
	list = []Refused{}
	err = s.Store.View(ctx, func(r store.Reader) error {
		records, err := r.Records(refused, "", after, limit)
		for _, record := range records {
			var one Refused
			if err := json.Unmarshal(record.Value, &one); err != nil {
				return err
			}
			list = append(list, one)
		}
		return err
	})
	return list, err
}

// Replay submits a refused frame again as it came; when it is taken now it is
// refused no more. Errors: NotFound, and those of Submit.
func (s *Service) Replay(ctx context.Context, id string) (*Receipt, error) {
	var r Refused
	err := s.Store.View(ctx, func(reader store.Reader) error {
		data, ok, err := reader.Record(refused, id)
		if err != nil {
			return err
		}
		if !ok {
			return fhir.NotFound(fhir.Key{Type: "refused", ID: id})
		}
		return json.Unmarshal(data, &r)
	})
	if err != nil {
		return nil, err
	}
	at, err := time.Parse(instantLayout, r.ReceivedAt)
	if err != nil {
		return nil, err
	}
	receipt, err := s.submit(ctx, r.Submission, at, nil)
	if err != nil {
		return nil, err
	}
	err = s.Store.Update(ctx, func(tx store.Tx) error {
		return tx.PutRecord(store.RecordWrite{Collection: refused, Key: id})
	})
	return receipt, err
}
