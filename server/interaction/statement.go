package interaction

import "sync"

// Statements keeps the CapabilityStatements, as JSON: each is 800 KB that only
// another set of search parameters changes.
type Statements struct {
	mu     sync.Mutex
	epoch  int64
	byMode map[string][]byte
}

// statement is that of a mode: "full" or "normative".
func (e *Engine) statement(mode string) []byte {
	k := e.Statements
	if k == nil {
		return e.state(mode)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	// The epoch is read first: parameters that change meanwhile are in the next one.
	if epoch := e.Search.Epoch(); k.byMode == nil || k.epoch != epoch {
		k.epoch, k.byMode = epoch, map[string][]byte{}
	}
	if k.byMode[mode] == nil {
		k.byMode[mode] = e.state(mode)
	}
	return k.byMode[mode]
}

// state makes a statement.
func (e *Engine) state(mode string) []byte {
	r := e.capabilities()
	if mode == "normative" {
		dropTrialUse(r.Root())
	}
	return r.JSON()
}
