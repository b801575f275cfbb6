package medibus

import (
	"encoding/json"
	"errors"
	"math/big"
	"strings"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/cursor"
)

// curve is how the device scales a curve, from its answer to 53.
type curve struct {
	Code     byte   `json:"code"`
	Interval string `json:"interval"` // microseconds
	Low      string `json:"low"`
	High     string `json:"high"`
	Steps    int    `json:"steps"`
}

// stream is a curve that the device was told to send, and every how many intervals.
type stream struct {
	Code  byte `json:"code"`
	Every int  `json:"every"`
}

const (
	mostStreams = 12
	mostCurves  = 64
)

// configured reads the curves the device has: code 2, interval 8, minimum 5, maximum 5,
// steps 3 digits.
func (r *reader) configured(a answer) error {
	const width = 23
	var list []curve
	rest := a.data
	for ; len(rest) >= width && len(list) < mostCurves; rest = rest[width:] {
		code, okCode := hex(rest[:2])
		interval, okInterval := decimal(rest[2:10])
		low, okLow := decimal(rest[10:15])
		high, okHigh := decimal(rest[15:20])
		steps, okSteps := hex(rest[20:23])
		if !okCode || !okInterval || !okLow || !okHigh || !okSteps || steps == 0 {
			return errors.New("the configuration of a curve is not understood")
		}
		list = append(list, curve{byte(code), interval, low, high, steps})
	}
	if rest != "" {
		return errors.New("the configuration of the curves is not whole")
	}
	r.keep("curves", list)
	return nil
}

// ordered reads the command that says which curves come, in which order.
func (r *reader) ordered(a answer) error {
	var list []stream
	rest := a.data
	for ; len(rest) >= 4 && len(list) < mostStreams; rest = rest[4:] {
		code, okCode := hex(rest[:2])
		every, okEvery := hex(rest[2:4])
		if !okCode || !okEvery || every == 0 {
			return errors.New("the order of the curves is not understood")
		}
		list = append(list, stream{byte(code), every})
	}
	if rest != "" {
		return errors.New("the order of the curves is not whole")
	}
	r.keep("streams", list)
	return nil
}

// curves reads the bytes of curves: a byte D0 to DF begins a cycle and says which of
// the first four streams it has, C0 to CF with another byte say more, and two bytes 80
// to BF are a sample of the next stream of the cycle.
func (r *reader) curves(data []byte) {
	const more4, more8, corrupt = 0xC4, 0xC5, 0xCF
	if len(data) == 0 {
		return
	}
	var configured []curve
	var ordered []stream
	for key, into := range map[string]any{"curves": &configured, "streams": &ordered} {
		if told, ok := r.recall(key); !ok || json.Unmarshal(told, into) != nil {
			r.skip(0, "curves whose configuration and order the frames did not tell")
			return
		}
	}
	samples := make([][]int64, mostStreams)
	var cycle []int // the streams that are still to come
	synced := false
	c := cursor.New(data)
	for c.Left() > 0 {
		switch b := c.U8("curve"); {
		case b >= 0xE0:
			synced = false
		case b >= 0xD0:
			synced, cycle = true, bits(nil, b, 0)
		case c.Left() == 0:
		case b >= 0xC0:
			switch argument := c.U8("curve"); b {
			case more4:
				cycle = bits(cycle, argument, 4)
			case more8:
				cycle = bits(cycle, argument, 8)
			case corrupt:
				r.skip(0, "the device said that a sample of its curves was corrupt")
				synced = false
			}
		default:
			second := c.Peek(1)
			if low := cursor.New(second).U8("curve"); low >= 0xC0 {
				synced = false // half a sample
				continue
			}
			n := int64(b&0x3F) | int64(c.U8("curve")&0x3F)<<6
			if synced && len(cycle) > 0 {
				samples[cycle[0]] = append(samples[cycle[0]], n)
				cycle = cycle[1:]
			}
		}
	}
	for i, s := range ordered {
		for _, scale := range configured {
			if scale.Code == s.Code && i < mostStreams && len(samples[i]) > 0 {
				r.wave(scale, s, samples[i])
				break
			}
		}
	}
}

// bits adds the streams that a byte says come.
func bits(cycle []int, b byte, from int) []int {
	for i := range 4 {
		if b&(1<<i) != 0 {
			cycle = append(cycle, from+i)
		}
	}
	return cycle
}

func (r *reader) wave(c curve, s stream, raw []int64) {
	micros, ok := new(big.Rat).SetString(c.Interval)
	if !ok || micros.Sign() <= 0 {
		r.skip(0, "a curve without an interval")
		return
	}
	period := micros.Mul(micros, big.NewRat(int64(s.Every), 1_000_000))
	v := acom.Value{Samples: &acom.Samples{Period: period.RatString(), Raw: raw, UpperScaled: int64(c.Steps),
		LowerAbsolute: acom.Number{Text: c.Low}, UpperAbsolute: acom.Number{Text: c.High}}, Foreign: pageCurves.codes[c.Code].unit}
	r.add(pageCurves, c.Code, acom.RTSA, pageCurves.of(c.Code), v)
	long := new(big.Rat).Mul(period, big.NewRat(int64(len(raw)), 1)).FloatString(6)
	if r.full {
		return
	}
	r.report.Measurements[len(r.report.Measurements)-1].Duration = strings.TrimSuffix(strings.TrimRight(long, "0"), ".")
}
