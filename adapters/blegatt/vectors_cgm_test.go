package blegatt

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"math/bits"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/cursor"
	"vitalwire/internal/golden"
)

func foundCGM(t *testing.T, c vectorCase, raw []byte) (any, error) {
	result, err := decode(nil, "2AA7", raw)
	if err != nil {
		return nil, err
	}
	report := only(t, result)
	var records []any
	for _, m := range of(report, 160212) {
		if m.Value.Unit != 264274 {
			t.Errorf("unit %d", m.Value.Unit)
		}
		r := facts{"glucose_mg_dl": m.Value.Number.Text, "time_offset_min": m.Time.Ticks.Micros / 60_000_000}
		if m.Quality != nil {
			r["quality_pct"] = m.Quality.Text
		}
		records = append(records, r)
	}
	f := facts{"records": records}
	if len(records) != 1 {
		return f, nil
	}
	maps.Copy(f, records[0].(facts))
	f["size"] = len(raw)
	for _, m := range of(report, 8418008) {
		// g/L/min back to mg/dL/min, two decimals fewer.
		_, decimals, _ := strings.Cut(m.Value.Number.Text, ".")
		n, _ := new(big.Rat).SetString(m.Value.Number.Text)
		f["trend"] = n.Mul(n, big.NewRat(100, 1)).FloatString(len(decimals) - 2)
	}
	var told []any
	for _, m := range of(report, 8408608) {
		if bit(m.Value.Bits, 25) {
			told = append(told, "device battery low")
		}
	}
	for _, m := range of(report, 8418060) {
		if bit(m.Value.Bits, 8) {
			told = append(told, "calibration recommended")
		}
		if bit(m.Value.Bits, 10) {
			told = append(told, "sensor temperature too high")
		}
		if m.Value.Bits.Value>>12&0xFF == 0xFF { // bits 12..19
			told = append(told, "warning octet FF: all")
		}
		if other := m.Value.Bits.Value &^ (1<<23 | 1<<21 | 0xFF<<12); other != 0 {
			t.Errorf("other bits %08X", other)
		}
	}
	f["annunciation"] = told
	// The CRC holds, and no other would.
	if len(raw) > cgmRecordMin {
		f["crc"] = fmt.Sprintf("%04X", crc16(raw[:len(raw)-2]))
		broken := bytes.Clone(raw)
		broken[len(broken)-1] ^= 0x10
		_, err := decode(nil, "2AA7", broken)
		f["crc_ok"] = err != nil
	}
	return f, nil
}

func foundCGMFeature(t *testing.T, c vectorCase, raw []byte) (any, error) {
	result, err := decode(nil, "2AA8", raw)
	if err != nil {
		return nil, err
	}
	known := golden.Memory{}
	known.Commit(result.Remember)
	r := &reader{report: &acom.Report{}, memory: known, device: testDevice}
	features, ok := r.cgmFeatures()
	if !ok || result.Reports != nil {
		t.Fatalf("not remembered, or facts: %+v", result)
	}
	f := facts{"features_hex": fmt.Sprintf("%06X", features.bits), "type": sampleTypeNames[features.code],
		"location": sampleLocationNames[features.location], "crc_ok": features.crc()}
	if !features.crc() {
		f["crc"] = "FFFF means CRC unsupported"
	}
	return f, nil
}

func foundCGMStatus(t *testing.T, c vectorCase, raw []byte) (any, error) {
	result, err := decode(nil, "2AA9", raw)
	if err != nil {
		return nil, err
	}
	report := only(t, result)
	sensor, device := of(report, 8418060)[0], of(report, 8408608)[0]
	s, d := sensor.Value.Bits, device.Value.Bits
	return facts{
		"time_offset_min":                 sensor.Time.Ticks.Micros / 60_000_000,
		"all_flags":                       s.Value == s.Mask && d.Value == d.Mask && bits.OnesCount32(s.Value)+bits.OnesCount32(d.Value) == 20,
		"crc_ok":                          len(raw) == 7,
		"session_stopped":                 bit(s, 0),
		"time_sync_required":              bit(d, 16),
		"result_lower_than_patient_low":   bit(s, 12),
		"result_higher_than_patient_high": bit(s, 13),
	}, nil
}

func foundSessionStart(t *testing.T, c vectorCase, raw []byte) (any, error) {
	result, err := decode(nil, "2AAA", raw)
	if err != nil {
		return nil, err
	}
	// What a measurement at minute 0 makes of it.
	known := golden.Memory{}
	known.Commit(result.Remember)
	result, err = decode(known, "2AA7", []byte{6, 0, 100, 0, 0, 0})
	if err != nil {
		t.Fatal(err)
	}
	w := only(t, result).Measurements[0].Time.Wall
	f := parts(w)
	f["local"] = stamp(w)
	f["crc_ok"] = len(raw) == 11
	tz, _ := c.want(t, "tz_raw").(json.Number).Int64()
	dst, _ := c.want(t, "dst_raw").(json.Number).Int64()
	f["tz_raw"], f["dst_raw"] = *w.OffsetMinutes/15-int(dst), *w.OffsetMinutes/15-int(tz)
	return f, nil
}

func foundCGMOps(t *testing.T, c vectorCase, raw []byte) (any, error) {
	result, err := decode(nil, "2AAC", raw)
	if err != nil {
		return nil, err
	}
	if result.Reports != nil {
		t.Errorf("a dialogue gave facts: %+v", result.Reports)
	}
	r := &reader{Cursor: cursor.New(raw), report: &acom.Report{}}
	o := r.cgmOps()
	f := facts{"crc_ok": len(raw) > 3 && o.op != cgmOpCalibration}
	switch o.op {
	case 0x1C:
		f["request"], f["success"] = o.request, o.response == 1
		if o.response != 1 {
			f["error"] = o.response
		}
	case 0x03:
		f["comm_interval_min"] = o.interval
	case 0x06:
		f["cal_glucose_mg_dl"], f["cal_time_min"], f["next_cal_min"], f["record"] = o.glucose.Text, o.time, o.next, o.record
		f["type_loc"], f["status"] = fmt.Sprintf("%02X", o.sample), fmt.Sprintf("%02X", o.calibration)
	default:
		f[map[uint8]string{0x09: "patient_high", 0x0C: "patient_low", 0x0F: "hypo", 0x12: "hyper", 0x15: "rate_decrease", 0x18: "rate_increase"}[o.op]] = o.level.Text
	}
	return f, nil
}

// scientific finds numbers such as 1.20E-6 in the prose of the wrong vectors.
var scientific = regexp.MustCompile(`(\d+)(?:\.(\d+))?E-(\d+)`)

// plain writes mantissa digits, decimals and negative exponent out.
func plain(m []string) string {
	exponent, _ := strconv.Atoi(m[3])
	digits := m[1] + m[2]
	decimals := len(m[2]) + exponent
	return "0." + strings.Repeat("0", decimals-len(digits)) + digits
}

func foundBadLibrary(t *testing.T, c vectorCase, raw []byte) (any, error) {
	claim := c.want(t, "correct_decode").(string)
	var numbers []string
	for _, m := range scientific.FindAllStringSubmatch(claim, -1) {
		numbers = append(numbers, plain(m))
	}
	var got []string
	var err error
	var result adapters.Result
	switch c.ID {
	case "BP":
		if result, err = decode(nil, "2A35", raw); err == nil {
			for _, component := range only(t, result).Measurements[0].Components {
				got = append(got, component.Value.Number.Text)
			}
		}
	case "PLX spot":
		if result, err = decode(nil, "2A5E", raw); err == nil {
			report := only(t, result)
			got = append(got, text(t, report, 150456, 262688).(string), text(t, report, 149530, 264864).(string))
		}
	case "temperature":
		numbers = []string{"3700000" + strings.Repeat("0", 123)}
		if result, err = decode(nil, "2A1C", raw); err == nil {
			got = append(got, text(t, only(t, result), 150364, 268192).(string))
		}
	}
	if err != nil {
		return nil, err
	}
	// A trailing zero of the mantissa is a digit sent: 90e-8 is 0.00000090. The
	// prose writes it 9.0E-7, which has the same.
	if !slices.Equal(got, numbers) || len(got) == 0 {
		t.Errorf("want %v, got %v", numbers, got)
		return facts{}, nil
	}
	return facts{"correct_decode": claim, "library_claims": c.want(t, "library_claims")}, nil
}

func foundCRC(t *testing.T, c vectorCase, raw []byte) (any, error) {
	// The other two show that the vector's bytes are read as its author meant.
	var kermit, ccitt uint16 = 0, 0xFFFF
	for _, b := range raw {
		kermit ^= uint16(b)
		ccitt ^= uint16(b) << 8
		for range 8 {
			kermit = kermit>>1 ^ 0x8408*(kermit&1)
			ccitt = ccitt<<1 ^ 0x1021*(ccitt>>15)
		}
	}
	return facts{"mcrf4xx": fmt.Sprintf("%04X", crc16(raw)), "kermit": fmt.Sprintf("%04X", kermit), "ccitt_false": fmt.Sprintf("%04X", ccitt)}, nil
}

// smallCharacteristics tells which characteristic each case is about, by the
// beginning of its id.
var smallCharacteristics = []struct{ prefix, uuid string }{
	{"battery", "2A19"}, {"temp type", "2A1D"}, {"measurement interval", "2A21"}, {"interval", "2A21"},
	{"time zone", "2A0E"}, {"dst", "2A0D"}, {"glucose feature", "2A51"}, {"CGM run time", "2AAB"},
}

func foundSmall(t *testing.T, c vectorCase, raw []byte) (any, error) {
	uuid := ""
	for _, s := range smallCharacteristics {
		if strings.HasPrefix(c.ID, s.prefix) {
			uuid = s.uuid
		}
	}
	result, err := decode(nil, uuid, raw)
	if err != nil {
		return nil, err
	}
	r := &reader{Cursor: cursor.New(raw), report: &acom.Report{}}
	switch uuid {
	case "2A19":
		return only(t, result).Device.Battery, nil
	case "2A1D":
		name, _ := temperatureTypeOf(result.Remember[0].Value[0])
		// And a measurement without a type takes it.
		known := golden.Memory{}
		known.Commit(result.Remember)
		result, err := decode(known, "2A1C", []byte{0, 0x6F, 1, 0, 0xFF})
		if err != nil || result.Reports[0].Measurements[0].Site != mdcTempEar {
			t.Errorf("%+v, %v", result, err)
		}
		return name, nil
	case "2A21":
		return int(r.measurementInterval()), nil
	case "2A0E":
		if minutes, ok := r.timeZone(); ok {
			return facts{"minutes": minutes}, nil
		}
		return nil, nil
	case "2A0D":
		minutes, ok := r.dstOffset()
		switch {
		case !ok:
			return nil, nil
		case minutes == 0:
			return "standard", nil
		}
		return fmt.Sprintf("+%d", minutes), nil
	case "2A51":
		feature := binary.LittleEndian.Uint16(result.Remember[0].Value)
		mask := meterStatusSupport(feature)
		both := func(two uint32) bool { return mask&two == two }
		return facts{"strip_type_error": both(1 << 4), "result_high_low": both(1<<5 | 1<<6), "temp_high_low": both(1<<7 | 1<<8),
			"read_interrupt": both(1 << 9), "general_fault": both(1 << 10), "time_fault": flag(feature, 9), "multiple_bond": flag(feature, 10)}, nil
	case "2AAB":
		report := only(t, result)
		return facts{"hours": text(t, report, 8418040, 264384)}, nil
	}
	t.Fatalf("which characteristic is %q?", c.ID)
	return nil, nil
}

func foundFloats(t *testing.T, c vectorCase, raw []byte) (any, error) {
	cur := cursor.New(raw)
	var n acom.Number
	switch c.Type {
	case "sfloat":
		n = cur.SFLOATLE("sfloat")
	case "float":
		n = cur.FLOATLE("float")
	default:
		t.Fatalf("type %q", c.Type)
	}
	cur.Close(c.Type)
	return n.Text, cur.Err()
}
