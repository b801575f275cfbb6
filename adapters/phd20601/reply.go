package phd20601

import "encoding/binary"

// managerID is the system-id of this manager: a locally administered EUI-64.
const managerID = 0x0256_4954_414C_0001 // 02 "VITAL" 00 01

// message is an APDU in the making. Big-endian, as MDER wants (F.2).
type message []byte

func (m message) u16(values ...uint16) message {
	for _, v := range values {
		m = binary.BigEndian.AppendUint16(m, v)
	}
	return m
}

func (m message) u32(v uint32) message { return binary.BigEndian.AppendUint32(m, v) }
func (m message) u64(v uint64) message { return binary.BigEndian.AppendUint64(m, v) }

// send appends an APDU to the reply.
func (t *turn) send(choice uint16, body message) {
	m := message(t.result.Reply).u16(choice, uint16(len(body)))
	t.result.Reply = append(m, body...)
}

// sendData wraps a message of the DATA APDU in a PRST.
func (t *turn) sendData(invokeID, choice uint16, body message) {
	inner := message(nil).u16(uint16(len(body)+6), invokeID, choice, uint16(len(body)))
	t.send(choicePRST, append(inner, body...))
}

// invokeNext sends a request of the manager's own.
func (t *turn) invokeNext(choice uint16, body message) {
	t.invoke++
	t.sendData(t.invoke, choice, body)
}

// abort answers what does not fit the state (8.4) and ends the association.
func (t *turn) abort() {
	t.send(choiceABRT, message(nil).u16(0)) // undefined
	t.state, t.fresh = unassociated, false
}

// confirm answers a confirmed event report (7.3): it repeats the agent's own
// event-time, for this manager has no running clock.
func (t *turn) confirm(d *dataAPDU, info message) {
	if d.choice != roivConfirmedEvent {
		return
	}
	body := message(nil).u16(d.handle).u32(d.event.time).u16(d.event.eventType, uint16(len(info)))
	t.sendData(d.invokeID, rorsConfirmedEvent, append(body, info...))
}

// getMDS asks for all attributes of the MDS (8.9.3.3.2).
func (t *turn) getMDS() {
	t.invokeNext(roivGet, message(nil).u16(0, 0, 0)) // handle, no ids: all
}

// start asks for what an agent gives only when asked: it enables scanners
// (6.3.9, Operational-State) and wants to know the segments of PM-stores (8.9.3.4).
// Scanners that repeat what others report stay off, lest values come twice.
func (t *turn) start() {
	if t.config == nil {
		return
	}
	covered := map[uint16]bool{}
	for _, handle := range t.config.order {
		o := t.config.objects[handle]
		switch {
		case o.scanner():
			news := false
			for _, h := range o.covers() {
				news = news || !covered[h]
				covered[h] = true
			}
			const replace, enabled = 0, 1
			if news && o.opState == 0 {
				t.invokeNext(roivConfirmedSet, message(nil).u16(handle, 1, 8, replace, attrOpState, 2, enabled))
			}
		case o.class == classPMStore:
			const allSegments = 1
			t.invokeNext(roivConfirmedAction, message(nil).u16(handle, actSegmentGetInfo, 6, allSegments, 2, 0))
		}
	}
}
