// Package job performs requests later: Prefer: respond-async (R4 async §3.1.6).
// A request that was accepted is a record of the store before the client hears
// of it, and so is its answer, piece by piece: neither is held in memory, and
// both outlive a restart. What was at work when a server died is done again when
// it only reads; of a write nobody can say whether it happened, so it is told to
// be lost.
package job

import (
	"encoding/json"
	"time"

	"vitalwire/server/store"
)

// State of a job.
type State string

// The states. A cancelled job is no longer there.
const (
	Queued  State = "queued"
	Running State = "running"
	Done    State = "done"
	Lost    State = "lost"
)

// Request is what will be performed.
type Request struct {
	Method string `json:"method"`
	// URL is path and query.
	URL    string              `json:"url"`
	Header map[string][]string `json:"header"`
	Body   []byte              `json:"-"`
	// Caller names who asked: nobody else sees the job or its answer. Access is what
	// he may do, to whoever performs it; it is no token.
	Caller string `json:"caller,omitempty"`
	Access []byte `json:"access,omitempty"`
}

// Job is one request and what became of it.
type Job struct {
	ID      string    `json:"id"`
	State   State     `json:"state"`
	Request Request   `json:"request"`
	Created time.Time `json:"created"`
	// Began is when it was taken from the queue, Ended when its answer was whole.
	Began time.Time `json:"began,omitzero"`
	Ended time.Time `json:"ended,omitzero"`
	// Expires is when it is forgotten.
	Expires time.Time `json:"expires"`
	// Owner is the server that has it.
	Owner string `json:"owner"`

	// Of the answer, when Done.
	Status       int                 `json:"status,omitempty"`
	AnswerHeader map[string][]string `json:"answerHeader,omitempty"`
	Size         int64               `json:"size,omitempty"`

	// Written is how much of the answer there is by now, when it runs here.
	Written int64 `json:"-"`
	// Waiting is how many are before it in the queue here.
	Waiting int `json:"-"`
}

// Reads reports whether performing the request twice does no harm.
func (j *Job) Reads() bool { return j.Request.Method == "GET" || j.Request.Method == "HEAD" }

// The collections of records.
const (
	jobs     = "job"         // id -> Job
	requests = "job-request" // id/piece -> bytes of the request's body
	answers  = "job-answer"  // id/piece -> bytes of the answer's body
	owners   = "job-owner"   // owner -> when it last was alive, RFC 3339
)

// piece is how many bytes of a body one record holds.
const piece = 256 << 10

func (j *Job) record() store.RecordWrite {
	value, err := json.Marshal(j)
	if err != nil {
		panic(err) // strings, numbers and times
	}
	return store.RecordWrite{Collection: jobs, Key: j.ID, Value: value}
}

func parse(value []byte) (*Job, error) {
	j := new(Job)
	return j, json.Unmarshal(value, j)
}
