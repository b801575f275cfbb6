package phd20601

import (
	"time"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/cursor"
)

// Production specification types (A.3) start at MDC_ID_PROD_SPEC_UNSPECIFIED.
const (
	prodSpecSerial = 1
	prodSpecLast   = 7
	prodSpecBase   = 531971
)

// Continua's authority and data structures in Reg-Cert-Data-List (A.3).
const (
	authorityContinua    = 2
	continuaVersionList  = 1
	continuaRegulation   = 2
	unregulatedDeviceBit = 0x8000
)

// takeMDS reads attributes of the medical device system object (6.3.2) and
// reports the device.
func (t *turn) takeMDS(at *cursor.Cursor, attrs []attribute) error {
	told := acom.Time{}
	for _, a := range attrs { // first who speaks
		if a.id != attrSystemID {
			continue
		}
		c := a.open()
		id := systemID(c)
		c.Close("system-id")
		if err := c.Err(); err != nil {
			return err
		}
		if err := t.adopt(&a.body, id); err != nil {
			return err
		}
	}
	if t.owner() == "" {
		return refuse(at, "nothing tells which device this is: send the association request first, or name the device")
	}
	if err := t.attach(at); err != nil {
		return err
	}
	device := *t.told()
	t.device = &device
	for _, a := range attrs {
		c := a.open()
		switch a.id {
		case attrConfigID:
			if id := c.U16("Dev-Configuration-Id"); t.config == nil && t.state == detached {
				t.configID = id
				t.config, _ = t.lookUp(id)
			}
		case attrDateTime:
			told.Wall = wallClock(c, "Date-and-Time")
		case attrBaseOffsetTime:
			told.Wall = baseOffsetTime(c, "Base-Offset-Time")
		case attrRelativeTime:
			told.Ticks = relativeTime(c, "Relative-Time")
		case attrHiResTime:
			if ticks := hiResTime(c, "HiRes-Relative-Time"); told.Ticks == nil {
				told.Ticks = ticks
			}
		default:
			if !describe(&device, a.id, c) {
				continue
			}
		}
		c.Close("the attribute value")
		if err := c.Err(); err != nil {
			return err
		}
	}
	if w := told.Wall; w != nil && (w.Year == 0 || w.Month == 0 || w.Day == 0) {
		told.Wall = nil // a clock that was never set
	}
	if !told.IsZero() && !t.frame.Received.IsZero() {
		t.clock = &acom.Clock{Device: told, Gateway: t.frame.Received.Format(time.RFC3339Nano)}
		t.clockRecalled = false
	}
	t.result.Reports = append(t.result.Reports, t.report())
	return nil
}

// report begins a report of the agent's device.
func (t *turn) report() acom.Report {
	r := acom.Report{Device: *t.told()}
	r.Device.SystemID = t.systemID
	if len(t.frame.Device) == 12 {
		r.Device.Address = t.frame.Device
	}
	switch {
	case t.frame.Clock != nil:
		r.Clock = t.frame.Clock
	case !t.clockRecalled:
		r.Clock = t.clock
	}
	return r
}

// describe reads an MDS attribute that says what the device is; false when the
// attribute is another one.
func describe(d *acom.Device, id uint16, c *cursor.Cursor) bool {
	switch id {
	case attrModel:
		d.Manufacturer = text(octetString(c, "manufacturer"))
		d.Model = text(octetString(c, "model-number"))
	case attrProdSpec:
		production(d, c)
	case attrSpecializations:
		d.Specializations = nil
		list(c, "System-Type-Spec-List", func(c *cursor.Cursor) {
			term := c.U16("type")
			d.Specializations = append(d.Specializations, acom.Specialization{
				Type: acom.MDC(acom.PartitionInfrastructure, term), Version: c.U16("version")})
		})
	case attrTimeInfo:
		timeInfo(d, c)
	case attrTickResolution:
		d.TickResolution = c.U16("Tick-Resolution")
	case attrBattery:
		d.Battery = sprintf("%d", c.U16("Battery-Level"))
	case attrRegCert:
		certification(d, c)
	default:
		return false
	}
	return true
}

func production(d *acom.Device, c *cursor.Cursor) {
	d.Production = nil
	list(c, "Production-Specification", func(c *cursor.Cursor) {
		kind := c.U16("spec-type")
		c.U16("component-id")
		what := text(octetString(c, "prod-spec"))
		switch {
		case kind == prodSpecSerial:
			d.Serial = what
		case kind <= prodSpecLast:
			d.Production = append(d.Production, acom.Production{Type: acom.Code(prodSpecBase + int(kind)), Text: what})
		}
	})
}

// timeInfo reads MDS-Time-Info (6.3.2.3): only the way the clock is
// synchronised becomes a fact.
func timeInfo(d *acom.Device, c *cursor.Cursor) {
	const what = "MDS-Time-Info"
	c.U16(what) // mds-time-caps-state
	d.TimeSync = 0
	if protocol := c.U16(what); protocol != 0 {
		d.TimeSync = acom.MDC(acom.PartitionInfrastructure, protocol)
	}
	c.U32(what) // time-sync-accuracy
	c.U16(what) // resolution of Date-and-Time
	c.U16(what) // of Relative-Time
	c.U32(what) // of HiRes-Relative-Time
}

// certification reads Reg-Cert-Data-List (A.3). Other authorities are skipped.
func certification(d *acom.Device, c *cursor.Cursor) {
	const what = "Reg-Cert-Data-List"
	list(c, what, func(c *cursor.Cursor) {
		authority, structure := c.U8(what), c.U8(what)
		data := octetString(c, what)
		if authority != authorityContinua {
			return
		}
		switch structure {
		case continuaVersionList:
			major, minor := data.U8("Continua version"), data.U8("Continua version")
			d.ContinuaVersion = sprintf("%d.%d", major, minor)
			d.ContinuaClasses = u16List(data, "certified-device-class-list")
			data.Close(what)
		case continuaRegulation:
			unregulated := data.U16("regulation-bit-field")&unregulatedDeviceBit != 0
			d.Unregulated = &unregulated
			data.Close(what)
		}
	})
}
