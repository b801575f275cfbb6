package blegatt

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"vitalwire/adapters/acom"
)

// batteryLevel reads a Battery Level in percent (BAS 3.1), a fact about the device.
func (r *reader) batteryLevel() {
	at := r.Offset()
	level := r.U8("Battery Level")
	if level > 100 {
		r.FailAt(at, "Battery Level %d is not 0..100", level)
	}
	r.report.Device.Battery = strconv.Itoa(int(level))
	r.deviceFact = true
}

// Strings of the Device Information Service (DIS 3).
func (r *reader) manufacturerName() { r.report.Device.Manufacturer = r.infoString("Manufacturer Name") }
func (r *reader) modelNumber()      { r.report.Device.Model = r.infoString("Model Number") }
func (r *reader) serialNumber()     { r.report.Device.Serial = r.infoString("Serial Number") }
func (r *reader) firmwareRevision() { r.production(mdcFirmwareRevision, "Firmware Revision") }
func (r *reader) hardwareRevision() { r.production(mdcHardwareRevision, "Hardware Revision") }
func (r *reader) softwareRevision() { r.production(mdcSoftwareRevision, "Software Revision") }

func (r *reader) production(code acom.Code, what string) {
	r.report.Device.Production = []acom.Production{{Type: code, Text: r.infoString(what)}}
}

// infoString reads the rest as UTF-8. Many devices pad with NUL or blanks.
func (r *reader) infoString(what string) string {
	at := r.Offset()
	raw := bytes.TrimRight(r.Take(r.Left(), what), "\x00")
	text := strings.TrimSpace(string(raw))
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		r.FailAt(at, "%s is not printable UTF-8", what)
	}
	r.deviceFact = text != ""
	return text
}

// systemID reads a System ID (DIS 3.7): the EUI-64 with its octets in reverse, 40
// bits of the manufacturer's and 24 of the organization's.
func (r *reader) systemID() {
	id := bytes.Clone(r.Take(8, "System ID"))
	slices.Reverse(id)
	r.report.Device.SystemID = strings.ToUpper(hex.EncodeToString(id))
	r.deviceFact = true
}
