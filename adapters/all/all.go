// Package all lists the adapters. A vendor with a language of his own writes a
// main with a longer list; nothing registers itself.
package all

import (
	"vitalwire/adapters"
	"vitalwire/adapters/applehealth"
	"vitalwire/adapters/biceps"
	"vitalwire/adapters/blegatt"
	"vitalwire/adapters/clarity"
	"vitalwire/adapters/cms50e"
	"vitalwire/adapters/dexcom"
	"vitalwire/adapters/fitbit"
	"vitalwire/adapters/garmin"
	"vitalwire/adapters/googlefit"
	"vitalwire/adapters/healthconnect"
	"vitalwire/adapters/healthkit"
	"vitalwire/adapters/hl7pcd01"
	"vitalwire/adapters/hl7pcd04"
	"vitalwire/adapters/ihealth"
	"vitalwire/adapters/intellivue"
	"vitalwire/adapters/ivy450c"
	"vitalwire/adapters/libreview"
	"vitalwire/adapters/medibus"
	"vitalwire/adapters/nightscout"
	"vitalwire/adapters/omron"
	"vitalwire/adapters/openmhealth"
	"vitalwire/adapters/oura"
	"vitalwire/adapters/phd20601"
	"vitalwire/adapters/polar"
	"vitalwire/adapters/tidepool"
	"vitalwire/adapters/withings"
)

// Adapters are the device languages this server speaks, by name.
func Adapters() []adapters.Adapter {
	return []adapters.Adapter{
		applehealth.Adapter,
		biceps.Adapter,
		blegatt.Adapter,
		clarity.Adapter,
		cms50e.Adapter,
		dexcom.Adapter,
		fitbit.Adapter,
		garmin.Adapter,
		googlefit.Adapter,
		healthconnect.Adapter,
		healthkit.Adapter,
		hl7pcd01.Adapter,
		hl7pcd04.Adapter,
		ihealth.Adapter,
		intellivue.Adapter,
		ivy450c.Adapter,
		libreview.Adapter,
		medibus.Adapter,
		nightscout.Adapter,
		omron.Adapter,
		openmhealth.Adapter,
		oura.Adapter,
		phd20601.Adapter,
		polar.Adapter,
		tidepool.Adapter,
		withings.Adapter,
	}
}
