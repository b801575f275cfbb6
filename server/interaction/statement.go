package interaction

import (
	"sync"

	"vitalwire/fhir"
)

// Statements keeps the CapabilityStatements, of which each is 800 KB that only
// another set of search parameters changes. Those kept are never changed.
type Statements struct {
	mu     sync.Mutex
	epoch  int64
	byMode map[string]statement
}

// statement is one with its text, so that it is written once for all who ask.
type statement struct {
	resource *fhir.Resource
	text     []byte
}

// statement is that of a mode: "full" or "normative".
func (e *Engine) statement(mode string) statement {
	k := e.Statements
	if k == nil {
		return e.state(mode)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	// The epoch is read first: parameters that change meanwhile are in the next one.
	if epoch := e.Search.Epoch(); k.byMode == nil || k.epoch != epoch {
		k.epoch, k.byMode = epoch, map[string]statement{}
	}
	if _, kept := k.byMode[mode]; !kept {
		k.byMode[mode] = e.state(mode)
	}
	return k.byMode[mode]
}

// state makes a statement.
func (e *Engine) state(mode string) statement {
	r := e.capabilities()
	if mode == "normative" {
		dropTrialUse(r.Root())
	}
	return statement{r, r.JSON()}
}
