package phd20601

// take does what the state machine (8.4) says to one APDU.
func (t *turn) take(a apdu) error {
	switch a.choice {
	case choiceAARQ:
		return t.takeAssociationRequest(a)
	case choiceRLRQ:
		if t.state == unassociated {
			t.abort()
			return nil
		}
		t.send(choiceRLRE, message(nil).u16(0)) // normal
		t.state, t.fresh = unassociated, false
	case choiceABRT:
		t.state, t.fresh = unassociated, false
	case choicePRST:
		return t.takeData(a.data)
	}
	// AARE and RLRE are a manager's, heard in a recording of both directions.
	return nil
}

// takeData does what the state machine says to a DATA APDU.
func (t *turn) takeData(d *dataAPDU) error {
	switch d.choice {
	case roivEvent, roivConfirmedEvent, rorsGet, rorsConfirmedAction:
	default:
		return nil // a manager's request or answer, an error, or the answer to a Set
	}
	if t.state == unassociated {
		t.abort() // 2.19 of the state table
		return nil
	}
	if err := t.attach(&d.at); err != nil {
		return err
	}
	t.fresh = false
	switch {
	case d.choice == rorsGet && d.handle == 0:
		if err := t.takeMDS(&d.at, d.attrs); err != nil {
			return err
		}
		t.start()
		return nil
	case d.choice == rorsGet:
		return nil // attributes of a PM-store: its segments tell all that is needed
	case d.choice == rorsConfirmedAction:
		return t.takeActionResult(d)
	}
	switch e := d.event; {
	case e.config != nil:
		return t.takeConfig(d)
	case e.scan != nil:
		if err := t.takeScan(&d.at, d.handle, e.scan); err != nil {
			return err
		}
		t.confirm(d, nil)
		return nil
	case e.segment != nil:
		return t.takeSegment(d)
	}
	return refuse(&d.at, "event type %d is not one of IEEE 11073-20601", d.event.eventType)
}

func (t *turn) takeActionResult(d *dataAPDU) error {
	switch a := d.action; {
	case a.response != nil && a.response.event != nil && a.response.event.scan != nil:
		return t.takeScan(&d.at, d.handle, a.response.event.scan) // data the manager asked for (8.9.3.3.3)
	case a.segments != nil:
		return t.takeSegmentInfo(&d.at, d.handle, a.segments)
	case a.transfer != nil && a.transfer.result != 0: // empty, say: on to the next
		if _, next, ok := t.segmentOf(d.handle, a.transfer.instance); ok && next != 0 {
			t.trigger(d.handle, next)
		}
	}
	return nil
}

// Config results (A.11.5).
const (
	acceptedConfig        = 0
	unsupportedConfig     = 1
	standardConfigUnknown = 2
)

// takeConfig judges a config report (8.8.5), remembers it and answers. It
// replaces whatever was known by its id.
func (t *turn) takeConfig(d *dataAPDU) error {
	report := d.event.config
	if t.owner() == "" {
		return refuse(&d.at, "nothing tells whose configuration this is: send the association request first, or name the device")
	}
	cfg, result := report.parsed, uint16(acceptedConfig)
	switch {
	case report.count == 0: // "the standard one, as the specialization says"
		var known bool
		if cfg, known = standardConfiguration(report.id); !known {
			result = unsupportedConfig
			if isStandardID(report.id) {
				result = standardConfigUnknown
			}
		}
	case report.fault != "":
		result = unsupportedConfig
	}
	if result != acceptedConfig {
		if d.choice == roivEvent {
			return refuse(&d.at, "configuration %04X cannot be used: %s", report.id, report.fault)
		}
		t.config, t.configID, t.state = nil, report.id, configuring
		t.confirm(d, message(nil).u16(report.id, result))
		return nil
	}
	if report.count > 0 {
		t.remember(t.owner()+sprintf("/config/%04X", report.id), rest(report.objects))
	}
	t.config, t.configID, t.state = cfg, report.id, operating
	t.updates, t.segments = nil, nil
	t.confirm(d, message(nil).u16(report.id, result))
	t.getMDS()
	return nil
}
