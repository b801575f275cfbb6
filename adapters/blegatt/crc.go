package blegatt

import "vitalwire/adapters/cursor"

// crcSize is the length of an E2E-CRC.
const crcSize = 2

// crc16 is the E2E-CRC of CGMS: CRC-16/MCRF4XX, polynomial 1021 reflected,
// initial value FFFF, nothing inverted.
func crc16(data []byte) uint16 {
	crc := uint16(0xFFFF)
	for _, b := range data {
		crc ^= uint16(b)
		for range 8 {
			if crc&1 == 1 {
				crc = crc>>1 ^ 0x8408
			} else {
				crc >>= 1
			}
		}
	}
	return crc
}

// endCRC reads the E2E-CRC that ends c, over the bytes covered. When the CGM
// Feature promises a CRC, want makes a missing one an error; else it is optional.
func endCRC(c *cursor.Cursor, covered []byte, want bool) {
	if c.Left() == 0 && !want {
		return
	}
	at := c.Offset()
	if sent, found := c.U16LE("E2E-CRC"), crc16(covered); c.Err() == nil && sent != found {
		c.FailAt(at, "E2E-CRC is %04X, computed %04X", sent, found)
	}
}
