package mapping

import (
	"encoding/json"
	"strconv"
	"strings"

	samply "github.com/samply/golang-fhir-models/fhir-models/fhir"

	"vitalwire/adapters/acom"
	"vitalwire/fhir"
)

// Systems of device identifiers.
const (
	continuaIdentifiers = "http://terminology.hl7.org/CodeSystem/ContinuaDeviceIdentifiers"
	// SystemIDSystem is the identifier system of EUI-64 system ids.
	SystemIDSystem = "urn:oid:1.2.840.10004.1.1.1.0.0.1.0.0.1.2680"
	// BluetoothSystem is the identifier system of Bluetooth addresses.
	BluetoothSystem = "http://hl7.org/fhir/sid/eui-48/bluetooth"
	// LocalSystem is the identifier system of acom.Device.Local, and of the parts of
	// a device by their place in it.
	LocalSystem = "urn:vitalwire:device"
)

// DeviceID is the sensor's name in identifiers: its EUI-64 as 16 upper-case hex
// digits, or its transport address as 12, or "" when nobody named it. Named is how
// the gateway called it.
func DeviceID(d acom.Device, named string) string {
	named = strings.ToUpper(strings.ReplaceAll(strings.ReplaceAll(named, "-", ""), ":", ""))
	switch {
	case d.SystemID != "":
		return strings.ToUpper(d.SystemID)
	case d.Local != "":
		return d.Local
	case len(named) == 16 || d.Address == "":
		return named
	}
	return strings.ToUpper(d.Address)
}

// SensorDevice is the PhdDevice of a sensor; named is how the gateway called it.
// Its identifiers, of which there is one at least if anyone named the sensor, find
// the same sensor again. What the profile demands and the device did not tell is
// said to be unknown.
func SensorDevice(d acom.Device, named string) (*fhir.Resource, error) {
	device := samply.Device{
		Meta:         &samply.Meta{Profile: []string{phd + "PhdDevice"}},
		Identifier:   deviceIdentifiers(d, named),
		Manufacturer: some(d.Manufacturer),
		ModelNumber:  some(d.Model),
		SerialNumber: some(d.Serial),
		Type:         ptr(mdcConcept(65573)), // MDC_MOC_VMS_MDS_SIMP
	}
	for _, s := range d.Specializations {
		device.Specialization = append(device.Specialization, samply.DeviceSpecialization{
			SystemType: mdcConcept(s.Type), Version: ptr(strconv.Itoa(int(s.Version)))})
	}
	for _, p := range d.Production {
		switch p.Type {
		case 531972: // MDC_ID_PROD_SPEC_SERIAL
			if device.SerialNumber == nil {
				device.SerialNumber = some(p.Text)
			}
		case 531973: // MDC_ID_PROD_SPEC_PART
			device.PartNumber = some(p.Text)
		case 531974, 531975, 531976, 531977, 67912:
			device.Version = append(device.Version, version(p.Type, p.Text))
		default: // what is no version by the profile's value set is a property
			device.Property = append(device.Property, samply.DeviceProperty{
				Type: mdcConcept(p.Type), ValueCode: []samply.CodeableConcept{{Text: ptr(p.Text)}}})
		}
	}
	if d.ContinuaVersion != "" {
		device.Version = append(device.Version, version(532352, d.ContinuaVersion))
	}
	if d.TimeSync != 0 {
		device.Property = append(device.Property, samply.DeviceProperty{
			Type: mdcConcept(68220), ValueCode: []samply.CodeableConcept{mdcConcept(d.TimeSync)}}) // MDC_TIME_SYNC_PROTOCOL
	}
	if d.TickResolution != 0 {
		q := samply.Quantity{Value: ptr(json.Number(strconv.Itoa(int(d.TickResolution)))), Unit: ptr("Hz"), System: ptr(ucumSystem), Code: ptr("Hz")}
		device.Property = append(device.Property, samply.DeviceProperty{
			Type: mdcConcept(68229), ValueQuantity: []samply.Quantity{q}}) // MDC_ATTR_TICK_RES
	}
	if d.Battery != "" {
		q, _, err := quantity(d.Battery, 262688)
		if err != nil {
			return nil, err
		}
		device.Property = append(device.Property, samply.DeviceProperty{
			Type: mdcConcept(67996), ValueQuantity: []samply.Quantity{q}}) // MDC_ATTR_VAL_BATT_CHARGE
	}
	r, err := finish(device)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"manufacturer", "modelNumber"} {
		if r.Get(name) == nil {
			absent(r.Root(), name)
		}
	}
	return r, nil
}

// GatewayDevice is the PhgDevice of a gateway of which only the EUI-64 is known.
func GatewayDevice(eui64 string) (*fhir.Resource, error) {
	return finish(samply.Device{
		Meta:       &samply.Meta{Profile: []string{phd + "PhgDevice"}},
		Identifier: []samply.Identifier{systemID(eui64)},
		Type:       ptr(mdcConcept(531981)), // MDC_MOC_VMS_MDS_AHD
	})
}

// finish completes a device with what both profiles demand in any case.
func finish(d samply.Device) (*fhir.Resource, error) {
	nameless := len(d.Version) == 0
	if nameless {
		d.Version = []samply.DeviceVersion{version(531976, "")} // MDC_ID_PROD_SPEC_FW
	}
	generic := len(d.Specialization) == 0
	if generic {
		d.Specialization = []samply.DeviceSpecialization{{SystemType: mdcConcept(528457)}} // MDC_DEV_SPEC_PROFILE_GENERIC
	}
	r, err := wire("Device", samply.OtherDevice(d))
	if err != nil {
		return nil, err
	}
	root := r.Root()
	if nameless {
		absent(root.Get("version").At(0), "value")
	}
	if generic {
		absent(root.Get("specialization").At(0), "version")
	}
	return r, nil
}

func version(code acom.Code, text string) samply.DeviceVersion {
	return samply.DeviceVersion{Type: ptr(mdcConcept(code)), Value: text}
}

// deviceIdentifiers are the EUI-64 and the Bluetooth address, as far as known.
func deviceIdentifiers(d acom.Device, named string) []samply.Identifier {
	var list []samply.Identifier
	id, address := DeviceID(d, named), strings.ToUpper(d.Address)
	if len(id) == 16 {
		list = append(list, systemID(id))
	} else if address == "" {
		address = id
	}
	if address != "" {
		list = append(list, identifier("BTMAC", "Bluetooth MAC address", BluetoothSystem, address))
	}
	return list
}

func systemID(eui64 string) samply.Identifier {
	return identifier("SYSID", "IEEE 11073 System Identifier", SystemIDSystem, eui64)
}

func identifier(typ, display, system, hex string) samply.Identifier {
	return samply.Identifier{Type: ptr(concept(continuaIdentifiers, typ, display)), System: ptr(system), Value: ptr(Dashed(hex))}
}

// Dashed writes the hex digits of an EUI as FHIR identifiers have them: upper case
// in pairs between dashes, "00-22-09-22-58-08-03-CC".
func Dashed(hex string) string {
	hex = strings.ToUpper(strings.NewReplacer("-", "", ":", "").Replace(hex))
	var pairs []string
	for ; len(hex) > 2; hex = hex[2:] {
		pairs = append(pairs, hex[:2])
	}
	return strings.Join(append(pairs, hex), "-")
}
