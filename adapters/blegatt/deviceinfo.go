package blegatt

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
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

// Memory keys of what is read piece by piece but reported whole, as JSON: the
// production entries, and the specializations whose services sent something. So
// two services of one device never overwrite what the other told of it.
const (
	keyProduction      = "production"
	keySpecializations = "specializations"
)

// production adds or replaces a production entry.
func (r *reader) production(code acom.Code, what string) {
	entry := acom.Production{Type: code, Text: r.infoString(what)}
	if entry.Text != "" {
		r.report.Device.Production = accumulate(r, keyProduction, entry, func(p acom.Production) bool { return p.Type == code })
	}
}

// specialize adds the specialization that offers the characteristic read. GATT
// tells no version of it: 0.
func (r *reader) specialize(profile acom.Code) {
	// Most devices offer one: it is remembered as it was written once.
	alone := specializationsAlone[profile]
	switch value, known := r.recall(keySpecializations); {
	case !known:
		r.keep(keySpecializations, alone.written)
		fallthrough
	case bytes.Equal(value, alone.written):
		r.report.Device.Specializations = alone.list
		return
	}
	r.report.Device.Specializations = accumulate(r, keySpecializations, acom.Specialization{Type: profile},
		func(s acom.Specialization) bool { return s.Type == profile })
}

// specializationAlone is what is reported and remembered of a device with one
// specialization. All its frames share the list, which nobody changes.
type specializationAlone struct {
	list    []acom.Specialization
	written []byte
}

var specializationsAlone = func() map[acom.Code]specializationAlone {
	alone := map[acom.Code]specializationAlone{}
	for _, l := range layouts {
		if l.profile != 0 {
			list := []acom.Specialization{{Type: l.profile}}
			written, _ := json.Marshal(list) // plain data
			alone[l.profile] = specializationAlone{list, written}
		}
	}
	return alone
}()

// accumulate appends entry to the list remembered under key, instead of one it
// replaces, and remembers the list if that changed it.
func accumulate[T comparable](r *reader, key string, entry T, replaces func(T) bool) []T {
	var list []T
	if value, ok := r.recall(key); ok && json.Unmarshal(value, &list) != nil {
		list = nil
	}
	if slices.Contains(list, entry) {
		return list
	}
	list = append(slices.DeleteFunc(list, replaces), entry)
	if value, err := json.Marshal(list); err == nil {
		r.keep(key, value)
	}
	return list
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
