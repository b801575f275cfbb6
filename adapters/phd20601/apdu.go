package phd20601

import (
	"fmt"
	"strings"

	"vitalwire/adapters/cursor"
)

var sprintf = fmt.Sprintf

// APDU choices (annex A.8).
const (
	choiceAARQ = 0xE200
	choiceAARE = 0xE300
	choiceRLRQ = 0xE400
	choiceRLRE = 0xE500
	choiceABRT = 0xE600
	choicePRST = 0xE700
)

// maxAPDU is the largest APDU an agent may send (8.3: 63 KB), header included.
const maxAPDU = 64512

// apdu is one parsed APDU; the member of its choice is set.
type apdu struct {
	at     cursor.Cursor // at the APDU's first byte, for errors
	choice uint16
	length int
	aarq   *associationRequest
	aare   *associationResponse
	reason uint16 // RLRQ, RLRE, ABRT
	data   *dataAPDU
}

// associationRequest is AARQ (A.8).
type associationRequest struct {
	version uint32 // assoc-version
	protos  []dataProto
}

// associationResponse is AARE (A.8).
type associationResponse struct {
	result   uint16
	selected dataProto
}

// dataProto is a DataProto; info is set for data-proto-id-20601 only.
type dataProto struct {
	id   uint16
	info *associationInfo
}

// Data protocol ids (A.8).
const (
	protoEmpty = 0
	proto20601 = 20601
)

// associationInfo is PhdAssociationInformation (A.8).
type associationInfo struct {
	protocolVersion uint32
	encodingRules   uint16
	nomenclature    uint32
	functionalUnits uint32
	systemType      uint32
	systemID        string
	configID        uint16
	dataReqFlags    uint16
	initAgent       uint8
	initManager     uint8
	options         []attribute
}

// attribute is an AVA_Type: an attribute-id and its value.
type attribute struct {
	id   uint16
	body cursor.Cursor
}

// open gives a fresh cursor on the value, however often it was read before.
func (a attribute) open() *cursor.Cursor { return reopen(&a.body) }

// raw gives the value's bytes.
func (a attribute) raw() []byte { return rest(&a.body) }

func reopen(c *cursor.Cursor) *cursor.Cursor {
	again := *c
	return &again
}

func rest(c *cursor.Cursor) []byte {
	again := *c
	return again.Take(c.Left(), "rest")
}

// parse reads all APDUs of a frame, strictly: every length must fit exactly.
// Only what a configuration is needed for stays unread.
func parse(frame []byte) ([]apdu, error) {
	c := cursor.New(frame)
	var all []apdu
	for c.Left() > 0 || len(all) == 0 {
		all = append(all, parseAPDU(c))
		if err := c.Err(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func parseAPDU(c *cursor.Cursor) apdu {
	start := c.Offset()
	a := apdu{at: *c}
	a.choice = c.U16("APDU choice")
	switch a.choice {
	case choiceAARQ, choiceAARE, choiceRLRQ, choiceRLRE, choiceABRT, choicePRST:
	default:
		c.FailAt(start, "APDU choice is %04X, no APDU of IEEE 11073-20601 begins so", a.choice)
		return a
	}
	a.length = int(c.U16("APDU length"))
	if a.length+4 > maxAPDU {
		c.FailAt(start, "APDU of %d bytes, an agent may send no more than %d", a.length+4, maxAPDU)
		return a
	}
	name := "APDU"
	if c.Left() < a.length { // only then it is read
		name = sprintf("APDU %04X", a.choice)
	}
	body := c.Sub(a.length, name)
	switch a.choice {
	case choiceAARQ:
		a.aarq = &associationRequest{version: body.U32("assoc-version")}
		list(body, "data-proto-list", func(c *cursor.Cursor) {
			a.aarq.protos = append(a.aarq.protos, parseProto(c))
		})
	case choiceAARE:
		a.aare = &associationResponse{result: body.U16("association result"), selected: parseProto(body)}
	case choicePRST:
		a.data = parseData(body.Sub(int(body.U16("PRST length")), "PRST"))
	default:
		a.reason = body.U16("reason")
	}
	if body.Left() > 0 {
		body.Close(sprintf("APDU %04X", a.choice))
	}
	return a
}

func parseProto(c *cursor.Cursor) dataProto {
	p := dataProto{id: c.U16("data-proto-id")}
	body := octetString(c, "data-proto-info")
	if p.id != proto20601 {
		return p // data-proto-id-external and others: not ours to read
	}
	i := &associationInfo{
		protocolVersion: body.U32("protocol-version"),
		encodingRules:   body.U16("encoding-rules"),
		nomenclature:    body.U32("nomenclature-version"),
		functionalUnits: body.U32("functional-units"),
		systemType:      body.U32("system-type"),
		systemID:        systemID(body),
		configID:        body.U16("dev-config-id"),
		dataReqFlags:    body.U16("data-req-mode-flags"),
		initAgent:       body.U8("data-req-init-agent-count"),
		initManager:     body.U8("data-req-init-manager-count"),
		options:         attributeList(body, "option-list"),
	}
	body.Close("data-proto-info")
	p.info = i
	return p
}

// systemID reads an OCTET STRING that holds an EUI-64.
func systemID(c *cursor.Cursor) string {
	at := c.Offset()
	id := octetString(c, "system-id")
	if n := id.Left(); n != 8 && c.Err() == nil {
		c.FailAt(at, "system-id has %d bytes, an EUI-64 has 8", n)
	}
	return sprintf("%016X", id.U64("system-id"))
}

// octetString reads a length and as many bytes: ANY DEFINED BY and OCTET STRING (F.3).
func octetString(c *cursor.Cursor, what string) *cursor.Cursor {
	body := octetStringOf(c, what) // in two, so that this is inlined and the cursor costs nothing
	return &body
}

func octetStringOf(c *cursor.Cursor, what string) cursor.Cursor {
	return *c.Sub(int(c.U16(what)), what)
}

// list reads a SEQUENCE OF: a count, a length in bytes, the elements (F.3.6).
// Count and length must agree.
func list(c *cursor.Cursor, what string, element func(*cursor.Cursor)) {
	for s := sequenceOf(c, what); s.next(); {
		element(&s.body)
	}
}

// sequence is a SEQUENCE OF that is read element by element, from its body.
type sequence struct {
	what        string
	count, read int
	body        cursor.Cursor
}

func sequenceOf(c *cursor.Cursor, what string) sequence {
	return sequence{what: what, count: int(c.U16(what)), body: octetStringOf(c, what)}
}

// next is to be asked before each element is read, until there is none.
func (s *sequence) next() bool {
	switch {
	case s.read == s.count:
		s.body.Close(s.what)
		return false
	case s.body.Err() != nil:
		return false
	case s.body.Left() == 0:
		s.body.Fail("%s announces %d elements and ends after %d", s.what, s.count, s.read)
		return false
	}
	s.read++
	return true
}

// attributeOf reads an AVA_Type.
func attributeOf(c *cursor.Cursor) attribute {
	return attribute{id: c.U16("attribute-id"), body: *octetString(c, "attribute-value")}
}

func attributeList(c *cursor.Cursor, what string) []attribute {
	var all []attribute
	list(c, what, func(c *cursor.Cursor) {
		all = append(all, attributeOf(c))
	})
	return all
}

func u16List(c *cursor.Cursor, what string) []uint16 {
	var all []uint16
	list(c, what, func(c *cursor.Cursor) { all = append(all, c.U16(what)) })
	return all
}

// text reads the rest of the cursor as a string: padding NULs and blanks go,
// and what is no UTF-8 is replaced.
func text(c *cursor.Cursor) string {
	s := strings.TrimRight(string(c.Take(c.Left(), "text")), "\x00 ")
	return strings.TrimSpace(strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", ""))
}
