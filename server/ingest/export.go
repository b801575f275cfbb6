package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"vitalwire/adapters"
	"vitalwire/fhir"
)

// Export tells what became of a file of many frames.
type Export struct {
	// Frames are those that were stored or kept as refused, Refused the latter.
	Frames, Refused int
	// Created, Present and Waiting count readings: made, there already, and waiting
	// for a patient; Skipped are records that gave none.
	Created, Present, Waiting, Skipped int
	// Troubles are the first refusals and skipped records, in words.
	Troubles []string
}

const (
	// mostTroubles bounds what is told of one file.
	mostTroubles = 20
	// lostCause is after how many refused frames, with none stored, a file is given up:
	// it is not what it is said to be, and need not be kept as thousands of refusals.
	lostCause = 16
)

// Splits reports whether files of an adapter may be longer than a frame, to be given
// to SubmitExport.
func (s *Service) Splits(adapter string) bool {
	a, err := s.adapter(adapter)
	return err == nil && a.Split != nil
}

// SubmitExport takes a file of any length in frames that are each stored before the next
// is read, so it needs the memory of one. The facts of sub hold for all of them. next,
// unless nil, is called before each is stored. Sent again after any failure, what
// was stored is found again: a file is always cut at the same places.
// Errors: TooLong when the adapter's files are one frame; Malformed or Unprocessable
// where the file is none of the adapter; those of Submit, and those of r. What was
// stored before stays, and the Export says how much.
func (s *Service) SubmitExport(ctx context.Context, sub Submission, r io.Reader, next func()) (Export, error) {
	var e Export
	adapter, err := s.adapter(sub.Adapter)
	if err != nil {
		return e, err
	}
	if adapter.Split == nil {
		return e, fhir.TooLong("a frame is at most %d bytes", MaxFrame)
	}
	err = adapter.Split(r, func(frame []byte) error {
		if next != nil {
			next()
		}
		sub.Bytes = frame
		receipt, err := s.patiently(ctx, sub)
		return e.add(receipt, err)
	})
	var bad *adapters.Error
	if errors.As(err, &bad) {
		err = fhir.Malformed("", "adapter %s: %s", sub.Adapter, bad.Reason)
	}
	return e, err
}

// add counts what became of a frame; an error of the frame alone does not end the file.
func (e *Export) add(receipt *Receipt, err error) error {
	var declined *DeclinedError
	switch {
	case errors.As(err, &declined):
		e.Frames++
		e.Refused++
		e.trouble("frame %d was refused: %s", e.Frames, declined.Error())
		if e.Refused == lostCause && e.Frames == lostCause {
			return fhir.Unprocessable("", "each of its first %d frames was refused; the last: %s", lostCause, declined.Error())
		}
		return nil
	case err != nil:
		return err
	}
	e.Frames++
	for _, reading := range receipt.Readings {
		switch {
		case reading.Refused:
			e.Refused++
		case reading.Version == nil:
			e.Waiting++
		case reading.Created:
			e.Created++
		default:
			e.Present++
		}
	}
	e.Skipped += len(receipt.Skipped)
	for _, skip := range receipt.Skipped {
		e.trouble("frame %d: the record at its byte %d was skipped: %s", e.Frames, skip.Offset, skip.Reason)
	}
	return nil
}

func (e *Export) trouble(format string, args ...any) {
	if len(e.Troubles) < mostTroubles {
		e.Troubles = append(e.Troubles, fmt.Sprintf(format, args...))
	}
}

// patiently submits a frame again a few times when too many wait, or the store is away:
// the sender of a long file shall not begin anew for that.
func (s *Service) patiently(ctx context.Context, sub Submission) (*Receipt, error) {
	for pause := 250 * time.Millisecond; ; pause *= 2 {
		receipt, err := s.Submit(ctx, sub)
		situation := fhir.SituationOf(err)
		if err == nil || pause > 4*time.Second || situation != fhir.SituationThrottled && situation != fhir.SituationUnavailable {
			return receipt, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(pause):
		}
	}
}
