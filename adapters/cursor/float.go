package cursor

import (
	"strconv"

	"vitalwire/adapters/acom"
)

// SFLOAT decodes a 16-bit SFLOAT (IEEE 11073-20601 F.8): a 4-bit exponent and a
// 12-bit mantissa, both two's complement. The special values exist only with
// exponent 0.
func SFLOAT(raw uint16) acom.Number {
	mantissa := int32(raw & 0x0FFF)
	if mantissa >= 0x0800 {
		mantissa -= 0x1000
	}
	exponent := int(int8(raw>>8) >> 4)
	if exponent == 0 {
		switch raw & 0x0FFF {
		case 0x07FF:
			return acom.Number{Special: acom.NaN}
		case 0x0800:
			return acom.Number{Special: acom.NRes}
		case 0x07FE:
			return acom.Number{Special: acom.PosInfinity}
		case 0x0802:
			return acom.Number{Special: acom.NegInfinity}
		case 0x0801:
			return acom.Number{Special: acom.Reserved}
		}
	}
	return acom.Number{Text: Decimal(int64(mantissa), exponent)}
}

// FLOAT decodes a 32-bit FLOAT (IEEE 11073-20601 F.8): an 8-bit exponent and a
// 24-bit mantissa, both two's complement.
func FLOAT(raw uint32) acom.Number {
	mantissa := int32(raw<<8) >> 8
	exponent := int(int8(raw >> 24))
	if exponent == 0 {
		switch raw & 0x00FFFFFF {
		case 0x7FFFFF:
			return acom.Number{Special: acom.NaN}
		case 0x800000:
			return acom.Number{Special: acom.NRes}
		case 0x7FFFFE:
			return acom.Number{Special: acom.PosInfinity}
		case 0x800002:
			return acom.Number{Special: acom.NegInfinity}
		case 0x800001:
			return acom.Number{Special: acom.Reserved}
		}
	}
	return acom.Number{Text: Decimal(int64(mantissa), exponent)}
}

// Decimal writes mantissa * 10^exponent as a plain decimal that keeps exactly
// -exponent digits after the point: 720 and -1 give "72.0".
func Decimal(mantissa int64, exponent int) string {
	if exponent == 0 && mantissa >= 0 && mantissa < int64(len(small)) {
		return small[mantissa]
	}
	var room [48]byte // for all but the widest exponents of a FLOAT
	text, magnitude := room[:0], uint64(mantissa)
	if mantissa < 0 {
		text, magnitude = append(text, '-'), -magnitude
	}
	var digits [20]byte
	whole := strconv.AppendUint(digits[:0], magnitude, 10)
	if exponent >= 0 {
		text = append(text, whole...)
		for range exponent {
			if magnitude != 0 {
				text = append(text, '0')
			}
		}
		return string(text)
	}
	for place := max(len(whole)-1, -exponent); place >= 0; place-- {
		if place == -exponent-1 {
			text = append(text, '.')
		}
		if place < len(whole) {
			text = append(text, whole[len(whole)-1-place])
		} else {
			text = append(text, '0')
		}
	}
	return string(text)
}

// small are the whole numbers that most devices send.
var small = func() (texts [1000]string) {
	for n := range texts {
		texts[n] = strconv.Itoa(n)
	}
	return texts
}()
