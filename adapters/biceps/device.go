package biceps

import (
	"strings"

	"vitalwire/adapters/acom"
)

// systemIDs is the root of EUI-64 system ids (PoCD guide, page "Mapping SDC").
const systemIDs = "1.2.840.10004.1.1.1.0.0.1.0.0.1.2680"

// MDC terms of a device's facts.
const (
	serialNumber  = 531972 // MDC_ID_PROD_SPEC_SERIAL
	batteryCharge = 67996  // MDC_ATTR_VAL_BATT_CHARGE
	batteryTime   = 67976  // MDC_ATTR_TIME_BATT_REMAIN
	percent       = 262688 // MDC_DIM_PERCENT
)

// identity is who an MDS says it is: an EUI-64 in its production specification, the
// equipment identifier of SDPi, a UDI of one piece, its maker and serial number.
func identity(e *element) *acom.Device {
	d := &acom.Device{}
	typ := readCode(e.pm("Type"))
	d.Type = typ.code
	if typ.code == 0 && len(typ.codings) > 0 {
		d.Attributes = append(d.Attributes, acom.Attribute{Name: acom.Coding{Display: "Type"}, Value: typ.codings[0].Code})
	}
	if meta := e.pm("MetaData"); meta != nil {
		d.Manufacturer, d.Model, d.Serial = localized(meta, "Manufacturer"), short(meta.words("ModelNumber")), short(meta.words("SerialNumber"))
		name := localized(meta, "ModelName")
		switch {
		case d.Model == "":
			d.Model = name
		case name != "" && name != d.Model:
			d.Attributes = append(d.Attributes, acom.Attribute{Name: acom.Coding{Display: "Model name"}, Value: name})
		}
		d.UDI = carriers(meta)
		d.Lot, d.Made, d.Expires = short(meta.words("LotNumber")), date(meta.words("ManufactureDate")), date(meta.words("ExpirationDate"))
	}
	for spec := range e.children() {
		if id := spec.pm("ComponentId"); spec.name == "ProductionSpecification" && id != nil && d.SystemID == "" {
			if root := id.get("Root"); strings.TrimPrefix(root, "urn:oid:") == systemIDs {
				d.SystemID = eui(id.get("Extension"))
			}
		}
	}
	for _, a := range production(e) {
		if a.Name.Code == "531972" && d.Serial == "" {
			d.Serial = a.Value
			continue
		}
		d.Attributes = append(d.Attributes, a)
	}
	d.Local = local(e, d)
	return d
}

// local names a device that told no EUI-64.
func local(e *element, d *acom.Device) string {
	switch id := e.extension("EquipmentIdentifier"); {
	case d.SystemID != "":
		return ""
	case id != nil && clean(id.text) != "":
		return escaped(short(clean(id.text)))
	case d.Serial != "" && d.Manufacturer+d.Model != "":
		return escaped(short(strings.Trim(d.Manufacturer+"|"+d.Model, "|") + ":" + d.Serial))
	}
	return ""
}

// carriers are the UDIs.
func carriers(meta *element) (list []acom.UDI) {
	for e := range meta.children() {
		if e.space != pm || e.name != "Udi" || e.words("DeviceIdentifier") == "" || len(list) == 4 {
			continue
		}
		u := acom.UDI{Identifier: short(e.words("DeviceIdentifier")), Form: short(e.words("HumanReadableForm"))}
		if issuer := e.pm("Issuer"); issuer != nil {
			u.Issuer = issuer.get("Root")
		}
		if where := e.pm("Jurisdiction"); where != nil {
			u.Jurisdiction = where.get("Root")
		}
		list = append(list, u)
	}
	return list
}

// localized is a LocalizedText, in English where there are several.
func localized(e *element, name string) (text string) {
	for c := range e.children() {
		if c.space == pm && c.name == name && c.text != "" && (text == "" || strings.HasPrefix(strings.ToLower(c.get("Lang")), "en")) {
			text = short(c.text)
		}
	}
	return text
}

// production are the entries of the production specification of a component.
func production(e *element) (list []acom.Attribute) {
	for spec := range e.children() {
		if spec.space != pm || spec.name != "ProductionSpecification" {
			continue
		}
		if text := short(spec.words("ProductionSpec")); text != "" {
			list = append(list, acom.Attribute{Name: readCode(spec.pm("SpecType")).naming("Production specification"), Value: text})
		}
	}
	return list
}

// eui is an EUI-64 as 16 upper-case hex digits, "" if text is none.
func eui(text string) string {
	plain := strings.ToUpper(strings.NewReplacer("-", "", ":", "", ".", "").Replace(text))
	if !isEUI(plain) {
		return ""
	}
	return plain
}

func isEUI(text string) bool {
	return len(text) == 16 && strings.Trim(text, "0123456789ABCDEF") == ""
}
