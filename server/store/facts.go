package store

// Fact is what the index knows of a resource that a search finds: enough to group and
// order many resources without reading them.
type Fact struct {
	Position int64
	// When is the latest moment of the type's date (an Observation's effective time),
	// in microseconds since 1970; Dated tells whether there is one.
	When  int64
	Dated bool
	// Codes are those of the type's code, each once; empty when it has text only.
	Codes []FactCode
}

// FactCode stands for a code and its system: equal for the same ones, and for no
// others (ADR 0003 says how sure that is).
type FactCode struct{ Code, System int64 }
