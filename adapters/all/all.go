// Package all lists the adapters. A vendor with a language of his own writes a
// main with a longer list; nothing registers itself.
package all

import (
	"vitalwire/adapters"
	"vitalwire/adapters/blegatt"
	"vitalwire/adapters/clarity"
	"vitalwire/adapters/dexcom"
	"vitalwire/adapters/hl7pcd01"
	"vitalwire/adapters/libreview"
	"vitalwire/adapters/phd20601"
)

// Adapters are the device languages this server speaks, by name.
func Adapters() []adapters.Adapter {
	return []adapters.Adapter{
		blegatt.Adapter,
		clarity.Adapter,
		dexcom.Adapter,
		hl7pcd01.Adapter,
		libreview.Adapter,
		phd20601.Adapter,
	}
}
