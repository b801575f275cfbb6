package job

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"vitalwire/fhir"
	"vitalwire/server/store"
)

// spool is the http.ResponseWriter of a job: what is written becomes records, a
// piece at a time, so that an answer of any length takes one piece of memory.
type spool struct {
	ctx    context.Context
	store  store.Store
	id     string
	limit  int64
	header http.Header
	status int
	part   []byte
	parts  int
	size   int64
	err    error
	wrote  func(size int64)
}

func (s *spool) Header() http.Header { return s.header }

func (s *spool) WriteHeader(status int) {
	if s.status == 0 && status >= 200 {
		s.status = status
	}
}

func (s *spool) Write(b []byte) (int, error) {
	s.WriteHeader(http.StatusOK)
	n := len(b)
	if s.size += int64(n); s.size > s.limit && s.err == nil {
		s.err = fhir.TooCostly("the answer is longer than the %d bytes of --async-result", s.limit)
	}
	for len(b) > 0 && s.err == nil {
		room := min(piece-len(s.part), len(b))
		s.part, b = append(s.part, b[:room]...), b[room:]
		if len(s.part) == piece {
			s.flush()
		}
	}
	return n, s.err
}

// flush keeps what is in hand.
func (s *spool) flush() {
	if len(s.part) == 0 || s.err != nil {
		return
	}
	s.err = s.store.Apply(s.ctx, store.Unit{Records: []store.RecordWrite{{Collection: answers, Key: key(s.id, s.parts), Value: s.part}}})[0].Err
	s.parts++
	s.part = make([]byte, 0, piece) // the store may keep the old one
	s.wrote(s.size)
}

func key(id string, part int) string { return fmt.Sprintf("%s/%08d", id, part) }

// copyOut writes the pieces of a body. Each is read in a snapshot of its own:
// they never change, and a slow client must not hold one open.
func copyOut(ctx context.Context, s store.Store, collection, id string, to io.Writer) error {
	for part := 0; ; part++ {
		var value []byte
		var ok bool
		err := s.View(ctx, func(r store.Reader) (err error) {
			value, ok, err = r.Record(collection, key(id, part))
			return err
		})
		if err != nil || !ok {
			return err
		}
		if _, err := to.Write(value); err != nil {
			return err
		}
	}
}

// forget removes the pieces of a body, some at a time.
func forget(ctx context.Context, s store.Store, collection, id string) error {
	for {
		var found []store.Record
		err := s.View(ctx, func(r store.Reader) (err error) {
			found, err = r.Records(collection, id+"/", "", 16)
			return err
		})
		if err != nil || len(found) == 0 {
			return err
		}
		unit := store.Unit{}
		for _, record := range found {
			unit.Records = append(unit.Records, store.RecordWrite{Collection: collection, Key: record.Key})
		}
		if err := s.Apply(ctx, unit)[0].Err; err != nil {
			return err
		}
	}
}
