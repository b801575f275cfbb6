// Package all lists the adapters. A vendor with a language of his own writes a
// main with a longer list; nothing registers itself.
package all

import (
	"vitalwire/adapters"
	"vitalwire/adapters/blegatt"
	"vitalwire/adapters/hl7pcd01"
	"vitalwire/adapters/phd20601"
)

// Adapters are the device languages this server speaks, by name.
func Adapters() []adapters.Adapter {
	return []adapters.Adapter{
		blegatt.Adapter,
		hl7pcd01.Adapter,
		phd20601.Adapter,
	}
}
