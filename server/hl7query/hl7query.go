// Package hl7query answers what bedside monitors and their gateways ask in HL7
// version 2 before they send: who a patient is (QRY^A19, and QBP^Q22 as of IHE PDQ)
// and what was measured of him (QRY^R02). Some send nothing until they are answered.
//
// An asker learns what the client that it is may read by FHIR, and nothing more: each
// answer is made of searches by that client, so that scopes, compartments, labels and
// Consents hold, and the audit log has them. Who may not see a patient gets the answer
// of one that does not exist.
package hl7query

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"vitalwire/adapters/hl7v2"
	"vitalwire/fhir"
	"vitalwire/server/interaction"
)

// Bounds of an answer. An asker may want fewer.
const (
	mostPatients = 50
	mostResults  = 100
	usualResults = 20
	mostSubjects = 10
)

// Answerer answers queries. Its fields are set once, before use.
type Answerer struct {
	Engine *interaction.Engine
	// Authorities are the identifier systems of assigning authorities by the name that
	// messages have for them (HL7 CX.4.1), such as HOSP.
	Authorities map[string]string
	// Zone in which times are told.
	Zone *time.Location
	Now  func() time.Time
	Log  *slog.Logger
}

// Is reports whether a message is a query that Answer answers. It looks at the kind of
// message alone, which may be malformed in all else.
func Is(message []byte) bool {
	m, err := hl7v2.Parse(message)
	return err == nil && kindOf(m) != ""
}

// kind of a query.
type kind string

const (
	demographics kind = "A19" // QRY^A19: who is it
	results      kind = "R02" // QRY^R02: and what was measured of him
	candidates   kind = "Q22" // QBP^Q22: who may it be
)

func kindOf(m *hl7v2.Message) kind {
	is := m.Segments[0].Field(9)
	switch is.Component(1).Text() + "^" + is.Component(2).Text() {
	case "QRY^A19":
		return demographics
	case "QRY^R02":
		return results
	case "QBP^Q22":
		return candidates
	}
	return ""
}

// Answer answers a query (Is) of the caller in a context, always: with the code AE and
// where it is wrong for one that is not understood, AR for one who may not ask, and for
// none found with AA and NF in QAK-2 (HL7 2.6, 5.5.2), or AE in versions without QAK.
func (a *Answerer) Answer(ctx context.Context, message []byte) []byte {
	m, err := hl7v2.Parse(message)
	if err != nil {
		return hl7v2.Acknowledge(message, hl7v2.Faulty, &hl7v2.Fault{Code: hl7v2.SegmentSequenceError, Text: "the query cannot be read"})
	}
	q, wrong := a.read(m)
	if wrong == nil {
		wrong = a.find(ctx, q)
	}
	return a.write(m, q, wrong)
}

// refusal is why a query has no answer: the codes of MSA-1 and QAK-2, and of table 0357
// with the place and the text for ERR.
type refusal struct {
	code, fault string
	at          *hl7v2.Error
	text        string
}

func misread(at *hl7v2.Error, fault string) *refusal {
	return &refusal{code: "AE", fault: fault, at: at, text: at.Reason}
}

// failed is the refusal for an error of a search. It tells nothing of its cause but
// whether the asker may try.
func (a *Answerer) failed(ctx context.Context, err error) *refusal {
	var known *fhir.Error
	if errors.As(err, &known) {
		switch fhir.SituationOf(err) {
		case fhir.SituationForbidden, fhir.SituationLoginRequired:
			return &refusal{code: "AR", fault: "207", text: "this sender may not ask for that"}
		}
	}
	a.Log.ErrorContext(ctx, "a query could not be answered", "error", err)
	return &refusal{code: "AE", fault: "207", text: "the query could not be answered; send it again"}
}

// control is a fresh MSH-10: 20 characters.
func control() string {
	var b [10]byte
	for i := range b {
		b[i] = byte(rand.UintN(256)) //nolint:gosec // tells answers apart, hides nothing
	}
	return hex.EncodeToString(b[:])
}
