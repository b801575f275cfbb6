package phd20601

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"vitalwire/adapters"
	"vitalwire/internal/golden"
)

// step is one frame of an agent, what the manager must answer, and the facts.
type step struct {
	name  string
	send  string
	reply string
	facts []string
}

// dialogues are whole sessions of the five specializations, typed from the
// standards: an agent of our own making and every byte the manager owes it.
var dialogues = []struct {
	name, about string
	steps       []step
}{
	{"thermometer", "10408: standard configuration 0320, one stored and one fresh temperature", []step{
		{name: "associates",
			send: "E200 0032 8000 0000 0001 002A 5079 0026 8000 0000 8000 8000 0000 0000 0000 0080 0000 0008 4C4F 57FF FE08 0011 " +
				"0320 0001 0100 0000 0000",
			reply: "E300 002C 0000 5079 0026 8000 0000 8000 8000 0000 0000 0000 8000 0000 0008 0256 4954 414C 0001 0000 0000 0000 " +
				"0000 0000 E700 000E 000C 0001 0103 0006 0000 0000 0000"},
		{name: "tells what it is",
			send: "E700 0062 0060 0001 0203 005A 0000 0006 0054 0A5A 0008 0001 0004 1008 0001 0928 0010 0004 4163 6D65 0008 5468 " +
				"6572 6D20 3300 0984 000A 0008 4C4F 57FF FE08 0011 0A44 0002 0320 092D 0010 0001 000C 0001 0000 0006 542D 3030 " +
				"3031 0987 0008 2026 0401 0630 0000",
			facts: []string{
				"device Acme Therm 3 T-0001 528392",
			}},
		{name: "reports",
			send: "E700 003A 0038 0001 0101 0032 0000 FFFF FFFF 0D1D 0028 F000 0000 0002 0020 0001 000C FE00 0E42 2026 0401 0629 " +
				"3050 0001 000C FF00 0173 2026 0331 2215 0000",
			reply: "E700 0012 0010 0001 0201 000A 0000 FFFF FFFF 0D1D 0000",
			facts: []string{
				"150364 36.50 268192 @20260401062930.50",
				"150364 37.1 268192 @20260331221500.00",
			}},
		{name: "releases",
			send:  "E400 0002 0000",
			reply: "E500 0002 0000"},
	}},
	{"scale", "10415: an extended configuration with height and body mass index, rejected once for a handle used twice", []step{
		{name: "associates",
			send: "E200 0032 8000 0000 0001 002A 5079 0026 8000 0000 8000 8000 0000 0000 0000 0080 0000 0008 4C4F 57FF FE15 0012 " +
				"4010 0001 0100 0000 0000",
			reply: "E300 002C 0003 5079 0026 8000 0000 8000 8000 0000 0000 0000 8000 0000 0008 0256 4954 414C 0001 0000 0000 0000 " +
				"0000 0000"},
		{name: "sends a configuration nobody can use",
			send: "E700 0070 006E 0001 0101 0068 0000 0000 0000 0D1C 005E 4010 0002 0058 0006 0001 0004 0024 092F 0004 0002 E140 " +
				"0A46 0002 F040 0996 0002 06C3 0A55 000C 0002 0008 0A56 0004 0990 0008 0006 0001 0004 0024 092F 0004 0002 E140 " +
				"0A46 0002 F040 0996 0002 06C3 0A55 000C 0002 0008 0A56 0004 0990 0008",
			reply: "E700 0016 0014 0001 0201 000E 0000 0000 0000 0D1C 0004 4010 0001"},
		{name: "sends a better one",
			send: "E700 00A2 00A0 0002 0101 009A 0000 0000 0000 0D1C 0090 4011 0003 008A 0006 0001 0004 0024 092F 0004 0002 E140 " +
				"0A46 0002 F040 0996 0002 06C3 0A55 000C 0002 0008 0A56 0004 0990 0008 0006 0002 0004 0024 092F 0004 0002 E144 " +
				"0A46 0002 F048 0996 0002 0511 0A55 000C 0002 0008 0A56 0004 0990 0008 0006 0003 0005 002A 092F 0004 0002 E150 " +
				"0A46 0002 F042 0996 0002 07A0 0A47 0002 0001 0A55 000C 0002 0008 0A56 0004 0990 0008",
			reply: "E700 0016 0014 0002 0201 000E 0000 0000 0000 0D1C 0004 4011 0000 E700 000E 000C 0001 0103 0006 0000 0000 0000"},
		{name: "tells what it is",
			send: "E700 0030 002E 0001 0203 0028 0000 0002 0022 0928 0010 0004 4163 6D65 0008 5363 616C 6520 3900 0984 000A 0008 " +
				"4C4F 57FF FE15 0012",
			facts: []string{
				"device Acme Scale 9  ",
			}},
		{name: "reports",
			send: "E700 004A 0048 0003 0101 0042 0000 FFFF FFFF 0D1D 0038 F000 0000 0003 0030 0002 000C 0000 00B6 2026 0401 0700 " +
				"0000 0001 000C FE00 1F86 2026 0401 0700 0000 0003 000C FF00 00F4 2026 0401 0700 0000",
			reply: "E700 0012 0010 0003 0201 000A 0000 FFFF FFFF 0D1D 0000",
			facts: []string{
				"188740 182 263441 @20260401070000.00",
				"188736 80.70 263875 @20260401070000.00",
				"188752 24.4 264096 @20260401070000.00 from 1/20260401070000.00",
			}},
		{name: "aborts",
			send: "E600 0002 0000"},
	}},
	{"blood pressure", "10407: standard configuration 02BC, two users", []step{
		{name: "associates",
			send: "E200 0032 8000 0000 0001 002A 5079 0026 8000 0000 A000 8000 0000 0000 0000 0080 0000 0008 4C4F 57FF FE07 0013 " +
				"02BC 8480 0100 0000 0000",
			reply: "E300 002C 0000 5079 0026 8000 0000 8000 8000 0000 0000 0000 8000 0000 0008 0256 4954 414C 0001 0000 0000 0000 " +
				"0000 0000 E700 000E 000C 0001 0103 0006 0000 0000 0000"},
		{name: "tells what it is",
			send: "E700 002C 002A 0001 0203 0024 0000 0002 001E 0984 000A 0008 4C4F 57FF FE07 0013 0928 000C 0004 4163 6D65 0004 " +
				"4375 6666",
			facts: []string{
				"device Acme Cuff  ",
			}},
		{name: "reports for two people",
			send: "E700 0060 005E 0001 0101 0058 0000 FFFF FFFF 0D1F 004E F000 0000 0002 0046 0001 0002 0024 0001 0012 0003 0006 " +
				"0081 0053 F3E2 2026 0401 0715 0000 0002 000A 0046 2026 0401 0715 0000 0002 0001 0016 0001 0012 0003 0006 008C " +
				"005A 07FF 2026 0401 0720 0000",
			reply: "E700 0012 0010 0001 0201 000A 0000 FFFF FFFF 0D1F 0000",
			facts: []string{
				"150020 (150021 129 266016, 150022 83 266016, 150023 99.4 266016) @20260401071500.00 person 1",
				"149546 70 264864 @20260401071500.00 person 1",
				"150020 (150021 140 266016, 150022 90 266016, 150023 NaN 266016) @20260401072000.00 person 2",
			}},
		{name: "reports unconfirmed, with a status",
			send: "E700 0038 0036 0002 0100 0030 0000 FFFF FFFF 0D1E 0026 F000 0001 0001 001E 0002 0003 0018 0A4C 0002 F2BC 0947 " +
				"0002 4000 0990 0008 2026 0401 0725 0000",
			facts: []string{
				"149546 70.0 264864 status 4000 @20260401072500.00",
			}},
		{name: "releases",
			send:  "E400 0002 0000",
			reply: "E500 0002 0000"},
	}},
	{"pulse oximeter", "10404: standard configuration 0190, values without a time, then the spot-check layout", []step{
		{name: "associates",
			send: "E200 0032 8000 0000 0001 002A 5079 0026 8000 0000 8000 8000 0000 0000 0000 0080 0000 0008 4C4F 57FF FE04 0014 " +
				"0190 0001 0100 0000 0000",
			reply: "E300 002C 0000 5079 0026 8000 0000 8000 8000 0000 0000 0000 8000 0000 0008 0256 4954 414C 0001 0000 0000 0000 " +
				"0000 0000 E700 000E 000C 0001 0103 0006 0000 0000 0000"},
		{name: "tells what it is",
			send: "E700 002C 002A 0001 0203 0024 0000 0002 001E 0984 000A 0008 4C4F 57FF FE04 0014 0928 000C 0004 4163 6D65 0004 " +
				"4F78 6900",
			facts: []string{
				"device Acme Oxi  ",
			}},
		{name: "streams",
			send:  "E700 0026 0024 0001 0101 001E 0000 FFFF FFFF 0D1D 0014 F000 0000 0002 000C 0001 0002 0061 000A 0002 0040",
			reply: "E700 0012 0010 0001 0201 000A 0000 FFFF FFFF 0D1D 0000",
			facts: []string{
				"150456 97 262688",
				"149530 64 264864",
			}},
		{name: "streams on",
			send:  "E700 0026 0024 0002 0101 001E 0000 FFFF FFFF 0D1D 0014 F000 0001 0002 000C 0001 0002 07FF 000A 0002 F281",
			reply: "E700 0012 0010 0002 0201 000A 0000 FFFF FFFF 0D1D 0000",
			facts: []string{
				"150456 NaN 262688",
				"149530 64.1 264864",
			}},
		{name: "sends a stored reading",
			send:  "E700 0028 0026 0003 0101 0020 0000 FFFF FFFF 0D1D 0016 F000 0002 0001 000E 0001 000A 0060 2026 0401 0301 0000",
			reply: "E700 0012 0010 0003 0201 000A 0000 FFFF FFFF 0D1D 0000",
			facts: []string{
				"150456 96 262688 @20260401030100.00",
			}},
		{name: "releases",
			send:  "E400 0002 0000",
			reply: "E500 0002 0000"},
	}},
	{"glucose meter", "10417: standard configuration 06A4, a reading in mg/dL, then one in mmol/L", []step{
		{name: "associates",
			send: "E200 0032 8000 0000 0001 002A 5079 0026 8000 0000 8000 8000 0000 0000 0000 0080 0000 0008 4C4F 57FF FE17 0015 " +
				"06A4 0001 0100 0000 0000",
			reply: "E300 002C 0000 5079 0026 8000 0000 8000 8000 0000 0000 0000 8000 0000 0008 0256 4954 414C 0001 0000 0000 0000 " +
				"0000 0000 E700 000E 000C 0001 0103 0006 0000 0000 0000"},
		{name: "tells what it is",
			send: "E700 002C 002A 0001 0203 0024 0000 0002 001E 0984 000A 0008 4C4F 57FF FE17 0015 0928 000C 0004 4163 6D65 0004 " +
				"476C 7500",
			facts: []string{
				"device Acme Glu  ",
			}},
		{name: "reports",
			send: "E700 0036 0034 0001 0101 002E 0000 FFFF FFFF 0D1D 0024 F000 0000 0002 001C 0001 000A 006C 2026 0401 0700 0000 " +
				"0001 000A 0802 2026 0401 0705 0000",
			reply: "E700 0012 0010 0001 0201 000A 0000 FFFF FFFF 0D1D 0000",
			facts: []string{
				"160184 108 264274 @20260401070000.00",
				"160184 -INF 264274 @20260401070500.00",
			}},
		{name: "reports in another unit",
			send: "E700 0038 0036 0002 0101 0030 0000 FFFF FFFF 0D1E 0026 F000 0001 0001 001E 0001 0003 0018 0996 0002 1272 0A4C " +
				"0002 F03C 0990 0008 2026 0401 1200 0000",
			reply: "E700 0012 0010 0002 0201 000A 0000 FFFF FFFF 0D1E 0000",
			facts: []string{
				"160184 6.0 266866 @20260401120000.00",
			}},
		{name: "releases",
			send:  "E400 0002 0000",
			reply: "E500 0002 0000"},
	}},
}

func TestDialogues(t *testing.T) {
	for _, d := range dialogues {
		t.Run(d.name, func(t *testing.T) {
			var whole, answers []byte
			decoder := Adapter.New(golden.Memory{})
			for _, s := range d.steps {
				frame := golden.Hex(t, s.send)
				result, err := decoder.Decode(adapters.Frame{Bytes: frame})
				if err != nil {
					t.Fatalf("%s: %v", s.name, err)
				}
				if want := golden.Hex(t, s.reply); string(result.Reply) != string(want) {
					t.Fatalf("%s: answered\n     %X\nwant %X", s.name, result.Reply, want)
				}
				if facts := factsOf(result); !reflect.DeepEqual(facts, s.facts) {
					t.Fatalf("%s:\n got %q\nwant %q", s.name, facts, s.facts)
				}
				whole, answers = append(whole, frame...), append(answers, result.Reply...)
			}
			// The same session posted in one piece gives the same answers.
			result, err := Adapter.New(nil).Decode(adapters.Frame{Bytes: whole})
			if err != nil || string(result.Reply) != string(answers) {
				t.Fatalf("in one piece: %v, answered %X", err, result.Reply)
			}
		})
	}
}

// TestDialoguesOverHTTP plays the sessions with a new connection for every
// APDU, where only memory and the gateway's word tell the device.
func TestDialoguesOverHTTP(t *testing.T) {
	for _, d := range dialogues {
		t.Run(d.name, func(t *testing.T) {
			known := golden.Memory{}
			device := ""
			for _, s := range d.steps {
				frame := golden.Hex(t, s.send)
				if device == "" {
					device = strings.ToUpper(fmt.Sprintf("%x", frame[36:44])) // system-id of the association request
				}
				result, err := Adapter.New(known).Decode(adapters.Frame{Bytes: frame, Device: device})
				if err != nil {
					t.Fatalf("%s: %v", s.name, err)
				}
				known.Commit(result.Remember)
				if facts := factsOf(result); !reflect.DeepEqual(facts, s.facts) {
					t.Fatalf("%s:\n got %q\nwant %q", s.name, facts, s.facts)
				}
				if string(result.Reply) != string(golden.Hex(t, s.reply)) {
					t.Fatalf("%s: answered %X", s.name, result.Reply)
				}
				for _, r := range result.Reports {
					if r.Device.SystemID != device {
						t.Fatalf("%s: a report of %q", s.name, r.Device.SystemID)
					}
				}
			}
		})
	}
}

// factsOf writes reports in lines: measurements, or the device when there are none.
func factsOf(result adapters.Result) []string {
	var facts []string
	for _, r := range result.Reports {
		for _, m := range r.Measurements {
			facts = append(facts, brief(m))
		}
		if len(r.Measurements) == 0 {
			s := fmt.Sprintf("device %s %s %s ", r.Device.Manufacturer, r.Device.Model, r.Device.Serial)
			for _, spec := range r.Device.Specializations {
				s += fmt.Sprint(uint32(spec.Type))
			}
			facts = append(facts, s)
		}
	}
	return facts
}
