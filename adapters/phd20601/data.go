package phd20601

import "vitalwire/adapters/cursor"

// DATA APDU message choices (A.9).
const (
	roivEvent           = 0x0100
	roivConfirmedEvent  = 0x0101
	roivGet             = 0x0103
	roivSet             = 0x0104
	roivConfirmedSet    = 0x0105
	roivAction          = 0x0106
	roivConfirmedAction = 0x0107
	rorsConfirmedEvent  = 0x0201
	rorsGet             = 0x0203
	rorsConfirmedSet    = 0x0205
	rorsConfirmedAction = 0x0207
	roer                = 0x0300
	rorj                = 0x0400
)

// Action types (A.11.5, partition object infrastructure).
const (
	actSegmentClear   = 3084
	actSegmentGetInfo = 3085
	actSetTime        = 3095
	actDataRequest    = 3099
	actSegmentTrigger = 3100
)

// dataAPDU is the DATA APDU inside a PRST; the members its choice has are set.
type dataAPDU struct {
	at       cursor.Cursor
	invokeID uint16
	choice   uint16
	handle   uint16 // of the object concerned
	event    *eventReport
	response *eventResponse
	ids      []uint16       // Get: the attributes asked for, none for all
	attrs    []attribute    // Get and Set responses
	changes  []modification // Set
	action   *action
	problem  uint16 // roer error-value, rorj problem
}

// eventReport is EventReportArgumentSimple (A.10.3), or the part of a
// DataResponse that is the same.
type eventReport struct {
	time      uint32 // RelativeTime, FFFFFFFF none
	eventType uint16
	config    *configReport
	scan      *scanReport
	segment   *segmentData
}

// eventResponse is EventReportResultSimple (A.10.3).
type eventResponse struct {
	time      uint32
	eventType uint16
	info      *cursor.Cursor
	config    *configResponse
}

// configResponse is ConfigReportRsp (A.11.5).
type configResponse struct{ configID, result uint16 }

// modification is AttributeModEntry (A.10.3).
type modification struct {
	operator uint16
	attribute
}

// action is ActionArgumentSimple or ActionResultSimple (A.10.3).
type action struct {
	kind     uint16
	info     *cursor.Cursor
	request  *dataRequest
	response *dataResponse
	segments *cursor.Cursor // SegmentInfoList
	transfer *transfer
}

// transfer is TrigSegmDataXferRsp (A.11.5): 0 when the agent will send.
type transfer struct{ instance, result uint16 }

// dataRequest is DataRequest (A.11.5).
type dataRequest struct {
	id, mode uint16
	time     uint32
	person   uint16
	class    uint16
	handles  []uint16
}

// dataResponse is DataResponse (A.11.5).
type dataResponse struct {
	time   uint32
	result uint16
	event  *eventReport // nil when the agent sent none
}

func parseData(c *cursor.Cursor) *dataAPDU {
	d := &dataAPDU{at: *c}
	d.invokeID = c.U16("invoke-id")
	at := c.Offset()
	d.choice = c.U16("message choice")
	body := octetString(c, "message")
	c.Close("message")
	switch d.choice {
	case roivEvent, roivConfirmedEvent:
		d.handle = body.U16("obj-handle")
		d.event = &eventReport{time: body.U32("event-time")}
		parseEvent(d.event, body)
	case rorsConfirmedEvent:
		d.handle = body.U16("obj-handle")
		d.response = parseEventResponse(body)
	case roivGet:
		d.handle = body.U16("obj-handle")
		d.ids = u16List(body, "attribute-id-list")
	case rorsGet, rorsConfirmedSet:
		d.handle = body.U16("obj-handle")
		d.attrs = attributeList(body, "attribute-list")
	case roivSet, roivConfirmedSet:
		d.handle = body.U16("obj-handle")
		list(body, "modification-list", func(c *cursor.Cursor) {
			d.changes = append(d.changes, modification{
				operator:  c.U16("modify-operator"),
				attribute: attributeOf(c),
			})
		})
	case roivAction, roivConfirmedAction, rorsConfirmedAction:
		d.handle = body.U16("obj-handle")
		d.action = parseAction(body, d.choice == rorsConfirmedAction)
	case roer:
		d.problem = body.U16("error-value")
		octetString(body, "error parameter")
	case rorj:
		d.problem = body.U16("reject problem")
	default:
		body.FailAt(at, "message choice is %04X, not one of IEEE 11073-20601", d.choice)
	}
	body.Close("message")
	return d
}

func parseEvent(e *eventReport, c *cursor.Cursor) {
	e.eventType = c.U16("event-type")
	info := octetString(c, "event-info")
	switch {
	case e.eventType == notiConfig:
		e.config = parseConfigReport(info)
	case e.eventType == notiSegmentData:
		e.segment = parseSegmentData(info)
	default:
		form, ok := scanForms[e.eventType]
		if !ok {
			return // an event of another standard: refused when it is taken
		}
		e.scan = parseScan(info, form)
	}
	info.Close("event-info")
}

func parseEventResponse(c *cursor.Cursor) *eventResponse {
	r := &eventResponse{time: c.U32("current-time"), eventType: c.U16("event-type")}
	info := octetString(c, "event-reply-info")
	r.info = reopen(info)
	if r.eventType == notiConfig {
		r.config = &configResponse{configID: info.U16("config-report-id"), result: info.U16("config-result")}
		info.Close("event-reply-info")
	}
	return r
}

func parseAction(c *cursor.Cursor, response bool) *action {
	a := &action{kind: c.U16("action-type")}
	info := octetString(c, "action-info")
	a.info = reopen(info)
	switch {
	case a.kind == actDataRequest && response:
		r := &dataResponse{time: info.U32("rel-time-stamp"), result: info.U16("data-req-result")}
		r.event = &eventReport{time: r.time}
		empty := rest(info)
		parseEvent(r.event, info)
		if len(empty) == 4 && r.event.eventType == 0 {
			r.event = nil
		}
		a.response = r
		info.Close("data response")
	case a.kind == actDataRequest:
		a.request = &dataRequest{
			id: info.U16("data-req-id"), mode: info.U16("data-req-mode"), time: info.U32("data-req-time"),
			person: info.U16("data-req-person-id"), class: info.U16("data-req-class"),
			handles: u16List(info, "data-req-obj-handle-list"),
		}
		info.Close("data request")
	case a.kind == actSegmentGetInfo && response:
		a.segments = reopen(info)
		parseSegments(info)
		info.Close("segment-info-list")
	case a.kind == actSegmentTrigger && response:
		a.transfer = &transfer{instance: info.U16("seg-inst-no"), result: info.U16("trig-segm-xfer-rsp")}
		info.Close("segment transfer response")
	}
	return a
}
