package interaction

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"vitalwire/fhir"
)

// bundle performs what was posted to the base (R4 http §3.1.0.11).
func (e *Engine) bundle(ctx context.Context, r Request) (Response, error) {
	if r.Body == nil || r.Body.Type() != "Bundle" {
		return Response{}, fhir.Malformed("resourceType", "what is posted to the base is a Bundle of type batch or transaction").WithCode(fhir.CodeInvariant)
	}
	typ := r.Body.Get("type").Text()
	if typ != string(Batch) && typ != string(Transaction) {
		return Response{}, fhir.Malformed("Bundle.type", "a Bundle posted to the base has the type batch or transaction; to keep a Bundle, post it to Bundle").WithCode(fhir.CodeValue)
	}
	entries, failures, err := e.entries(r)
	if err != nil {
		return Response{}, err
	}
	response := Response{Bundle: typ + "-response"}
	if typ == string(Batch) {
		response.Entries = e.batch(ctx, entries, failures)
		return response, nil
	}
	for i, n := range entries {
		if failures[i] == nil {
			failures[i] = e.permit(n.Request)
		}
	}
	if err := joined(failures); err != nil {
		return Response{}, err
	}
	response.Entries, err = e.transaction(ctx, entries)
	for i := range response.Entries {
		err = errors.Join(err, e.mute(ctx, &response.Entries[i].Response))
	}
	return response, err
}

// batchWorkers is how many entries of a batch are performed at once. Their
// writes share commits.
const batchWorkers = 8

// batch performs each entry by itself. Entries must not depend on each other
// (R4 http §3.1.0.11.1); those of one step of the order of transactions run at
// once, so that a client who counts on that order finds it.
func (e *Engine) batch(ctx context.Context, entries []entry, failures []error) []Result {
	results := make([]Result, len(entries))
	var steps [stepRead + 1][]int
	for i := range entries {
		results[i].Head = entries[i].head
		if failures[i] != nil {
			results[i].Err = at(i, failures[i])
			continue
		}
		order := step(entries[i].Request)
		steps[order] = append(steps[order], i)
	}
	for _, which := range steps {
		work := make(chan int)
		var workers sync.WaitGroup
		for range min(batchWorkers, len(which)) {
			workers.Go(func() {
				for i := range work {
					results[i].Response, results[i].Err = e.single(ctx, entries[i])
				}
			})
		}
		for _, i := range which {
			work <- i
		}
		close(work)
		workers.Wait()
	}
	return results
}

// single performs one entry; a panic in it is that entry's error.
func (e *Engine) single(ctx context.Context, n entry) (response Response, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in Bundle.entry[%d]: %v", n.index, p)
		}
	}()
	response, err = e.Do(ctx, n.Request)
	if err != nil {
		err = at(n.index, err)
	}
	return response, err
}

// The places in the processing order of R4 http §3.1.0.11.2. An operation that is
// called by POST may change something, so it comes before what reads.
const (
	stepDelete = iota
	stepPost
	stepPut
	stepCall
	stepRead
)

// step is the place of an interaction in that order.
func step(r Request) int {
	switch r.Interaction {
	case Delete:
		return stepDelete
	case Create:
		return stepPost
	case Update, Patch:
		return stepPut
	case Operate:
		if r.Call.Method == http.MethodPost {
			return stepCall
		}
	}
	return stepRead
}
