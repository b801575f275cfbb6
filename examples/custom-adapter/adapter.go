package main

import (
	"strconv"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/cursor"
)

// tapper is a device language of our own: the letter T, and a heart rate in two bytes,
// big-endian. It belongs to no other program, and needs no change of this one.
var tapper = adapters.Adapter{
	Name:     "tapper",
	Standard: "Tapper 1.0",
	New:      func(adapters.Memory) adapters.Decoder { return decoder{} },
}

const (
	heartRate  acom.Code = 147842 // MDC_ECG_HEART_RATE
	beatPerMin acom.Code = 264864 // MDC_DIM_BEAT_PER_MIN
)

type decoder struct{}

// Decode implements adapters.Decoder.
func (decoder) Decode(f adapters.Frame) (adapters.Result, error) {
	c := cursor.New(f.Bytes)
	if c.U8("letter") != 'T' {
		c.FailAt(0, "a frame of a tapper begins with T")
	}
	rate := c.U16("heart rate")
	c.Close("frame")
	if err := c.Err(); err != nil {
		return adapters.Result{}, err
	}
	return adapters.Result{Reports: []acom.Report{{Measurements: []acom.Measurement{{
		Kind: acom.Numeric, Type: heartRate,
		Value: acom.Value{Number: &acom.Number{Text: strconv.Itoa(int(rate))}, Unit: beatPerMin},
	}}}}}, nil
}
