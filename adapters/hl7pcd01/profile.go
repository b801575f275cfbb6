package hl7pcd01

import (
	"slices"
	"strings"

	"vitalwire/adapters/hl7v2"
)

// profile is what is known of one maker's messages beyond the standard.
type profile struct {
	name string
	// applications and facilities are beginnings of MSH-3.1 and MSH-4.1, upper case,
	// by which a sender is known.
	applications, facilities []string
	// never are numbers this maker sends where there is no value.
	never []string
	// trustNumber is set where the number of a code counts when its REFID says
	// another: by default the REFID does, as those are what senders' engineers read.
	trustNumber bool
	// shifted are the OBX fields besides 18 that may hold the equipment instance.
	shifted []int
	// systems are the names of the maker's own code systems, and what they are here.
	systems map[string]string
	// gateway is set when MSH-3 names a gateway of many devices and not a device.
	gateway bool
}

// neverNumber are those that stand for "no value" with every sender: overflow words of 24-bit
// FLOAT mantissas, and numbers no physiological value has.
func neverNumber(text string) bool {
	switch text {
	case "8388607", "8388606", "-8388608", "-8388607", "-999", "-99.9", "-999.9", "-9999", "-100", "-32768":
		return true
	}
	return false
}

// profiles by sender. A sender that none knows is "standard".
var profiles = []profile{
	{
		name:         "mindray", // eGateway, VS8, VS900, BeneVision
		applications: []string{"MINDRAY"}, facilities: []string{"MINDRAY"},
		systems: map[string]string{"99MNDRY": privateSystem + "99MNDRY"},
		gateway: true,
	},
	{
		name:         "ge", // Carescape Gateway, VSP, B1x5, Mural
		applications: []string{"VSP", "GE_", "CARESCAPE"}, facilities: []string{"GE HEALTHCARE", "GE_"},
		shifted: []int{17}, // the equipment instance one field early
	},
	{
		name:         "philips", // PIC iX, IntelliVue
		applications: []string{"PHILIPS", "PIC"}, facilities: []string{"PHILIPS"},
		trustNumber: true, // REFIDs of an older nomenclature beside right numbers
		gateway:     true,
	},
	{
		name:         "comen", // NC series
		applications: []string{"COMEN"}, facilities: []string{"COMEN", "KC"},
		never: []string{"-1", "65535"},
	},
	{
		name:         "bbraun", // Space Plus, OnlineSuite
		applications: []string{"PAT_DEVICE_BBRAUN", "BBRAUN"}, facilities: []string{"BBRAUN", "B. BRAUN"},
		gateway: true,
	},
	{
		name:         "icumedical", // Plum 360, MedNet
		applications: []string{"ICU_MEDICAL", "ICUMEDICAL", "ICU MEDICAL", "MEDNET", "PLUM"}, facilities: []string{"ICU MEDICAL", "ICUMEDICAL"},
		gateway: true,
	},
	{
		name:         "nihonkohden", // HL7 gateway QP series
		applications: []string{"NIHON", "NKGW", "NK_"}, facilities: []string{"NIHON"},
		never:   []string{"-1000", "-9998"},
		systems: map[string]string{"99NKC": privateSystem + "99NKC"},
		gateway: true,
	},
	{name: "standard"},
}

// privateSystem begins the URI of a code system that only its maker knows.
const privateSystem = "urn:vitalwire:hl7v2:"

// Profiles are the names of the sender profiles.
func Profiles() []string {
	var names []string
	for _, p := range profiles {
		names = append(names, p.name)
	}
	return names
}

// profileOf is the configured profile or, with "", the one of the sender.
func profileOf(configured string, header *hl7v2.Segment) (*profile, bool) {
	application := strings.ToUpper(header.Field(3).Component(1).Text())
	facility := strings.ToUpper(header.Field(4).Component(1).Text())
	begins := func(text string, list []string) bool {
		return slices.ContainsFunc(list, func(start string) bool { return strings.HasPrefix(text, start) })
	}
	for i := range profiles {
		p := &profiles[i]
		if configured == p.name || configured == "" && (p.name == "standard" || begins(application, p.applications) || begins(facility, p.facilities)) {
			return p, true
		}
	}
	return nil, false
}
