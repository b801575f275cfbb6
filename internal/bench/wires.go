package bench

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"vitalwire/adapters"
	"vitalwire/adapters/blegatt"
	"vitalwire/adapters/hl7pcd01"
	"vitalwire/adapters/phd20601"
)

// wire is a device language with frames of it that are all of another time.
type wire struct {
	name    string
	adapter adapters.Adapter
	// begin is what a device says before its first frame, nil for nothing.
	begin func(device string) []byte
	// frame is what a device says at a minute.
	frame func(device string, at time.Time, n int) []byte
	// characteristic of Bluetooth.
	characteristic string
	// alone is set where each frame comes to a decoder of its own.
	alone bool
	// must is how many frames a core is to decode in a second.
	must int
}

// wires are the languages measured.
var wires = []wire{
	{name: "BLE blood pressure", adapter: blegatt.Adapter, frame: cuffValue, characteristic: "2A35", alone: true, must: 300_000},
	{name: "20601 blood pressure", adapter: phd20601.Adapter, begin: cuffAssociation, frame: cuffScan, must: 100_000},
	{name: "PCD-01 with 20 OBX", adapter: hl7pcd01.Adapter, frame: monitorMessage, alone: true, must: 15_000},
}

// deviceOf are the EUI-64 of the devices, by number.
func deviceOf(i int) string { return fmt.Sprintf("00A1C9000001%04X", i) }

// cuffValue is a Blood Pressure Measurement (2A35) with its time.
func cuffValue(_ string, at time.Time, n int) []byte {
	return []byte{0x02, byte(100 + n%60), 0, byte(60 + n%40), 0, 80, 0,
		byte(at.Year() & 0xFF), byte(at.Year() >> 8), byte(at.Month()), byte(at.Day()), byte(at.Hour()), byte(at.Minute()), 0}
}

// cuffAssociation is the association request of a cuff with standard configuration
// 02BC (IEEE 11073-10407).
func cuffAssociation(device string) []byte {
	text := "E2000032800000000001002A507900268000000080008000000000000000008000000008" + device + "02BC00010100" + "00000000"
	frame, err := hex.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return frame
}

// cuffScan is a confirmed fixed scan report of that configuration with one blood
// pressure and its time (IEEE 11073-20601 A.11.5).
func cuffScan(_ string, at time.Time, n int) []byte {
	bcd := func(n int) byte { return byte(n/10%10<<4 | n%10) }
	be := binary.BigEndian
	value := be.AppendUint16([]byte{0, 3, 0, 6, 0, byte(100 + n%60), 0, byte(60 + n%40), 0, 80}, 0)[:10]
	value = append(value, bcd(at.Year()/100), bcd(at.Year()), bcd(int(at.Month())), bcd(at.Day()), bcd(at.Hour()), bcd(at.Minute()), 0, 0)
	scan := be.AppendUint16([]byte{0xF0, 0x00}, uint16(n&0xFFFF))
	scan = append(scan, 0, 1, 0, byte(len(value)+4), 0, 1, 0, byte(len(value)))
	scan = append(scan, value...)
	event := append([]byte{0, 0, 0, 0, 0, 0, 0x0D, 0x1D, 0, byte(len(scan))}, scan...) // MDS, MDC_NOTI_SCAN_REPORT_FIXED
	data := append([]byte{0, 1, 0x01, 0x01, 0, byte(len(event))}, event...)            // roiv-cmip-confirmed-event-report
	return append([]byte{0xE7, 0x00, 0, byte(len(data) + 2), 0, byte(len(data))}, data...)
}

// metrics are what a bedside monitor measures, in units of their own.
var metrics = []struct{ code, unit, low, high string }{
	{"147842^MDC_ECG_HEART_RATE^MDC", "264864^MDC_DIM_BEAT_PER_MIN^MDC", "50", "120"},
	{"150456^MDC_PULS_OXIM_SAT_O2^MDC", "262688^MDC_DIM_PERCENT^MDC", "90", "100"},
	{"149530^MDC_PULS_OXIM_PULS_RATE^MDC", "264864^MDC_DIM_BEAT_PER_MIN^MDC", "50", "120"},
	{"151562^MDC_RESP_RATE^MDC", "264928^MDC_DIM_RESP_PER_MIN^MDC", "8", "30"},
	{"150344^MDC_TEMP^MDC", "268192^MDC_DIM_DEGC^MDC", "36.0", "39.0"},
	{"150033^MDC_PRESS_BLD_ART_SYS^MDC", "266016^MDC_DIM_MMHG^MDC", "90", "160"},
	{"150034^MDC_PRESS_BLD_ART_DIA^MDC", "266016^MDC_DIM_MMHG^MDC", "50", "90"},
	{"150035^MDC_PRESS_BLD_ART_MEAN^MDC", "266016^MDC_DIM_MMHG^MDC", "70", "110"},
	{"150087^MDC_PRESS_BLD_VEN_CENT_MEAN^MDC", "266016^MDC_DIM_MMHG^MDC", "0", "10"},
	{"151708^MDC_CONC_AWAY_CO2_ET^MDC", "266016^MDC_DIM_MMHG^MDC", "30", "50"},
}

// monitorMessage is a PCD-01 message of one MDS with 20 OBX of values, of two channels.
func monitorMessage(device string, at time.Time, n int) []byte {
	when := at.Format("20060102150405") + "+0000"
	var m strings.Builder
	fmt.Fprintf(&m, "MSH|^~\\&|MON^%s^EUI-64|W|||%s||ORU^R01^ORU_R01|%d|P|2.6|||AL|NE||UNICODE UTF-8\rPID|||1^^^HOSP^MR||Roe^Rita\rPV1||I|ICU^^7\r", device, when, n)
	fmt.Fprintf(&m, "OBR|1|x|x|182777000^monitoring of patient^SCT|||%s\rOBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X\r", when)
	for i := range 20 {
		k := metrics[i%len(metrics)]
		fmt.Fprintf(&m, "OBX|%d|NM|%s|1.1.%d.%d|%s|%s|%s-%s||||R|||%s\r", i+2, k.code, i/len(metrics)+1, i+1, k.low, k.unit, k.low, k.high, when)
	}
	return []byte(m.String())
}

// decoding measures the decoder alone, on one core.
func (w wire) decoding(b testing.TB, t *Table, limit time.Duration) {
	const different = 500
	device, memory := deviceOf(0), remembered{}
	decoder := w.adapter.New(memory)
	decode := func(data []byte) error {
		if w.alone {
			decoder = w.adapter.New(memory)
		}
		result, err := decoder.Decode(adapters.Frame{Bytes: data, Device: device, Characteristic: w.characteristic})
		for _, memo := range result.Remember {
			memory[memo.Key] = memo.Value
		}
		return err
	}
	if w.begin != nil {
		if err := decode(w.begin(device)); err != nil {
			b.Fatal(err)
		}
	}
	frames := make([][]byte, different)
	for i := range frames {
		frames[i] = w.frame(device, start.Add(time.Duration(i)*time.Minute), i)
	}
	n, rate := onOneCore(limit, func(i int) error { return decode(frames[i%different]) })
	if n == 0 {
		b.Fatalf("%s: a frame is not decoded", w.name)
	}
	t.value(fmt.Sprintf("decode alone, one core: %s, %d bytes", w.name, len(frames[0])), "", fmt.Sprintf("%.0f frames/s", rate), fmt.Sprintf("%d", w.must))
}

// remembered is a decoder's memory, of which all was committed.
type remembered map[string][]byte

// Recall implements adapters.Memory.
func (m remembered) Recall(key string) ([]byte, bool) { value, ok := m[key]; return value, ok }
