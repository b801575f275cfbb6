package validate

import (
	"slices"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
)

// vitalSign is a profile of R4's vital signs and the codes of its measurement,
// at any place and by any method.
type vitalSign struct {
	profile       string
	loinc, snomed []string
}

// vitalSigns are the profiles of R4 observation-vitalsigns: "When a FHIR
// implementation supports any of the vital signs, the implementation SHALL conform
// to this profile". The first LOINC code of each is the one the profile demands;
// the others refine it or mean the same.
var vitalSigns = []vitalSign{
	{"vitalspanel", []string{"85353-1"}, []string{"46680005"}},
	{
		"resprate", []string{"9279-1", "11291-2", "19840-8", "33438-3", "76170-0", "76171-8", "76172-6", "76270-8"},
		[]string{"86290005", "271625008"},
	},
	{
		"heartrate", []string{
			"8867-4", "8886-4", "8889-8", "8890-6", "8891-4", "8892-2", "8893-0", "11328-2", "40443-4", "55425-3", "60978-4", "68999-2",
			"69000-8", "73795-7", "73799-9", "76476-1", "76477-9",
		},
		[]string{"249043002", "251670001", "399017001", "429525003", "429614003", "444981005"},
	},
	{
		"oxygensat", []string{
			"2708-6", "2709-4", "2710-2", "2711-0", "2713-6", "19224-5", "20564-1", "51733-4", "59408-5", "59417-6", "89276-0", "97549-0",
		},
		[]string{"103228002", "431314004", "442349007", "442440005", "442476006", "442734002", "713194001"},
	},
	{
		"bodytemp", []string{
			"8310-5", "8309-7", "8328-7", "8329-5", "8330-3", "8331-1", "8332-9", "8333-7", "8334-5", "60834-9", "60835-6", "60836-4",
			"60838-0", "60955-2", "61009-7", "75539-7", "75987-8", "76010-8", "76011-6", "76278-1", "91371-5", "98657-0", "98663-8",
		},
		[]string{
			"276885007", "300076005", "307047009", "364246006", "386725007", "415882003", "415929009", "415945006", "415974002",
			"431598003", "698831002", "698832009", "708499008", "1222808002",
		},
	},
	{
		"bodyweight", []string{"8302-2", "3137-7", "3138-5", "8306-3", "8308-9"},
		[]string{"50373000", "1153637007", "1162392001", "1162417005", "1162418000", "1162419008", "1230278008"},
	},
	{"headcircum", []string{"9843-4", "8287-5"}, []string{"169876006", "363812007", "1269262007"}},
	{
		"bodyweight", []string{"29463-7", "3141-9", "3142-7", "8350-1", "8351-9", "75292-3", "79348-9"},
		[]string{"363811000", "424927000", "425024002", "735395000", "784399000", "1162415002", "1162416001"},
	},
	{"bmi", []string{"39156-5", "59574-4", "89270-3"}, []string{"60621009"}},
	{
		"bp", []string{"85354-9", "8459-0", "8462-4", "8480-6", "35094-2", "55284-4", "76534-7", "96607-7"},
		[]string{
			"75367002", "163033001", "163035008", "251076008", "271649006", "271650006", "386534000", "386536003", "399304008",
			"407554009", "407556006", "716579001",
		},
	},
}

// vitalUnits binds the units of all components of R4's vital signs, though units
// such as the L/min of inhaled oxygen are not in it: HL7 relaxed that binding
// (FHIR-43353), and the published US Core builds on the relaxed one. R4's own
// strength holds where the profile is declared.
const vitalUnits = "http://hl7.org/fhir/ValueSet/ucum-vitals-common|4.0.1"

// vitalSign demands of an Observation the profile of the vital sign that its code names.
func (r *run) vitalSign(el *fhir.Element) {
	codings := el.Get("code").Get("coding")
	for _, s := range vitalSigns {
		for i := range codings.Len() {
			var codes []string
			switch codings.At(i).Get("system").Text() {
			case "http://loinc.org":
				codes = s.loinc
			case "http://snomed.info/sct":
				codes = s.snomed
			}
			if slices.Contains(codes, codings.At(i).Get("code").Text()) {
				r.relaxed = vitalUnits
				r.conform(definition.TypeURL(s.profile), false)
				r.relaxed = ""
				return
			}
		}
	}
}
