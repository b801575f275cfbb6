package phd20601

import "math/bits"

// Association results (A.8).
const (
	accepted                = 0
	rejectedPermanent       = 1
	acceptedUnknownConfig   = 3
	rejectedNoProtocol      = 4
	rejectedNoParameter     = 5
	rejectedUnsupportedAssn = 8
)

// Bits of PhdAssociationInformation (A.8).
const (
	assocVersion1     = 0x80000000
	protocolVersions  = 0xE0000000 // versions 1 to 3
	nomenclature1     = 0x80000000
	encodingMDER      = 0x8000
	unitsTestAssoc    = 0x20000000 // fun-units-createtestassoc
	systemTypeAgent   = 0x00800000
	systemTypeManager = 0x80000000
	noSystemID        = "0000000000000000"
)

// takeAssociationRequest answers AARQ (8.7.3).
func (t *turn) takeAssociationRequest(a apdu) error {
	result, info := judge(a.aarq)
	if t.state == configuring || t.state == operating {
		// 8.4, 6.8 and 8.8 of the state table: an association request inside an
		// association aborts it. An agent that heard no answer asks again,
		// though; that is answered again.
		if !t.fresh || info == nil || info.systemID != t.systemID {
			t.abort()
			return nil
		}
	}
	if info == nil {
		t.send(choiceAARE, message(nil).u16(result, protoEmpty, 0))
		t.state = unassociated
		return nil
	}
	t.rememberAssociation() // of the agent before
	invoke := t.invoke
	t.session = session{invoke: invoke}
	if err := t.adopt(&a.at, info.systemID); err != nil {
		return err
	}
	if known, ok := t.recallAssociation(t.systemID); ok {
		t.device = &known.Device
	}
	t.fresh = true
	t.test = info.functionalUnits&unitsTestAssoc != 0
	t.configID = info.configID
	known := false
	t.config, known = t.lookUp(t.configID)
	if known {
		t.state, result = operating, accepted
	} else {
		t.state, result = configuring, acceptedUnknownConfig
	}
	t.send(choiceAARE, accept(result, info))
	if known {
		t.getMDS()
	}
	return nil
}

// judge checks an association request; info is nil when it is rejected (8.7.3.2).
func judge(q *associationRequest) (result uint16, info *associationInfo) {
	if q.version&assocVersion1 == 0 {
		return rejectedUnsupportedAssn, nil
	}
	result = rejectedNoProtocol
	for _, p := range q.protos {
		i := p.info
		switch {
		case i == nil || info != nil:
		case i.protocolVersion&protocolVersions == 0, i.encodingRules&encodingMDER == 0, i.nomenclature&nomenclature1 == 0:
			result = rejectedNoParameter
		case i.systemType&systemTypeAgent == 0, i.systemID == noSystemID:
			result = rejectedPermanent
		default:
			result, info = accepted, i
		}
	}
	return result, info
}

// accept is the body of AARE for an accepted association: of what the agent
// offered, the newest protocol version and MDER.
func accept(result uint16, info *associationInfo) message {
	common := info.protocolVersion & protocolVersions
	newest := uint32(1) << bits.TrailingZeros32(common)
	body := message(nil).u32(newest).u16(encodingMDER).u32(nomenclature1).
		u32(info.functionalUnits&unitsTestAssoc).u32(systemTypeManager).
		u16(8).u64(managerID).
		u16(0, 0, 0, 0, 0) // manager-config-response, no data requests, no options
	m := message(nil).u16(result, proto20601, uint16(len(body)))
	return append(m, body...)
}
