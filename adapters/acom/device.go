package acom

// Device is what a personal health device says about itself
// (IEEE 11073-20601 MDS attributes, Bluetooth Device Information Service).
type Device struct {
	// SystemID is the EUI-64 as 16 upper-case hex digits, "" when unknown.
	SystemID string `json:"systemId,omitempty"`
	// Address is the Bluetooth device address (EUI-48) as 12 upper-case hex digits.
	Address string `json:"address,omitempty"`
	// Local names a device that told no EUI, uniquely among all: what it called
	// itself, with the sender that vouches for it.
	Local string `json:"local,omitempty"`
	// Member is set for one of several devices that the gateway knows by one name, which
	// is not its own then.
	Member bool `json:"member,omitempty"`
	// Parent is the SystemID or Local of the device that this one is derived from.
	Parent string `json:"parent,omitempty"`
	// Type is the MDC code of the MDS of a point-of-care device.
	Type Code `json:"type,omitempty"`
	// Attributes are further facts of a point-of-care device.
	Attributes   []Attribute `json:"attributes,omitempty"`
	Manufacturer string      `json:"manufacturer,omitempty"`
	Model        string      `json:"model,omitempty"`
	Serial       string      `json:"serial,omitempty"`
	// Lot, Made and Expires: number, date of manufacture and of expiry.
	Lot     string `json:"lot,omitempty"`
	Made    string `json:"made,omitempty"`
	Expires string `json:"expires,omitempty"`
	UDI     []UDI  `json:"udi,omitempty"`
	// Activation is the ComponentActivation of IEEE 11073-10207 (On, StndBy...), "" when
	// not said.
	Activation string `json:"activation,omitempty"`
	// Production holds the other entries of the production specification.
	Production []Production `json:"production,omitempty"`
	// Specializations such as MDC_DEV_SPEC_PROFILE_BP (528391), with version.
	Specializations []Specialization `json:"specializations,omitempty"`
	// TimeSync is the MDC code of the time synchronisation method, 0 when not said.
	TimeSync Code `json:"timeSync,omitempty"`
	// TickResolution is how many ticks a second has where the device measures in
	// ticks (Tick-Resolution, IEEE 11073-10406), 0 when not said.
	TickResolution uint16 `json:"tickResolution,omitempty"`
	// Battery is the battery level in percent, decimal text, "" when not said.
	Battery string `json:"battery,omitempty"`
	// Certified device list and version of the Continua certification, when told.
	ContinuaVersion string `json:"continuaVersion,omitempty"`
	// ContinuaClasses are the certified device classes of the Continua certification.
	ContinuaClasses []uint16 `json:"continuaClasses,omitempty"`
	// Unregulated is set when the device told whether it is regulated
	// (Continua regulation status, MDC_REG_CERT_DATA_CONTINUA_REG_STATUS bit 0).
	Unregulated *bool `json:"unregulated,omitempty"`
}

// UDI is a unique device identification.
type UDI struct {
	// Identifier is the device identifier (DI), Form the whole as people read it.
	Identifier string `json:"identifier"`
	Form       string `json:"form,omitempty"`
	// Issuer and Jurisdiction are URIs, or "" when not told.
	Issuer       string `json:"issuer,omitempty"`
	Jurisdiction string `json:"jurisdiction,omitempty"`
}

// Production is one production-specification entry: hardware revision,
// software revision and so on. Type is the MDC code 531969..531977.
type Production struct {
	Type Code   `json:"type"`
	Text string `json:"text"`
}

// Specialization is a device specialization and its version.
type Specialization struct {
	Type    Code   `json:"type"`
	Version uint16 `json:"version"`
}
