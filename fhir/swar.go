package fhir

// Strings and blanks are read eight bytes at a time, in the manner of
// H. S. Warren, Hacker's Delight, 6-1: the high bit of each byte of a difference
// tells whether that byte was less. A borrow reaches only bytes behind the first
// that is found, so the first is always right.
const (
	ones   = 0x0101010101010101
	highs  = 0x8080808080808080
	blanks = 0x20 * ones
)

// load is the eight bytes of s from i, the first lowest; the compiler makes one
// load of it.
func load(s string, i int) uint64 {
	s = s[i : i+8]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// special has the high bit of the first byte that does not stand for itself in a
// JSON string of ASCII: quote, backslash, control characters and all above 0x7F.
// Bits of bytes behind that one may be wrong; no bit means that there is none.
func special(eight uint64) uint64 {
	quote, backslash := eight^'"'*ones, eight^'\\'*ones
	return (eight | (eight - 0x20*ones) | (quote - ones) | (backslash - ones)) & highs
}
