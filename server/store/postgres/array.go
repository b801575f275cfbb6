package postgres

import (
	"encoding/binary"

	"vitalwire/server/store/relational"
)

// The arrays below are in the binary format of PostgreSQL (array_recv): a third
// of the work of the text format on both sides, and bytea is not doubled to hex.
// lib/pq sends a []byte parameter as binary when binary_parameters is set.

// Object ids of element types (pg_type.dat).
const (
	oidBytea = 17
	oidInt8  = 20
	oidText  = 25
)

// arrayHead is one dimension of n elements from index 1, without nulls or with.
func arrayHead(n int, nulls bool, element uint32, size int) []byte {
	b := make([]byte, 0, 20+size)
	b = binary.BigEndian.AppendUint32(b, 1)
	hasNull := uint32(0)
	if nulls {
		hasNull = 1
	}
	b = binary.BigEndian.AppendUint32(b, hasNull)
	b = binary.BigEndian.AppendUint32(b, element)
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	return binary.BigEndian.AppendUint32(b, 1)
}

func intArray(c relational.Column) []byte {
	b := arrayHead(len(c.Ints), c.Nullable, oidInt8, 12*len(c.Ints))
	for i, v := range c.Ints {
		if c.Null(i) {
			b = binary.BigEndian.AppendUint32(b, null)
			continue
		}
		b = binary.BigEndian.AppendUint32(b, 8)
		b = binary.BigEndian.AppendUint64(b, uint64(v))
	}
	return b
}

// null is the length of a null.
const null = 0xffffffff

func textArray(list []string) []byte {
	size := 0
	for _, v := range list {
		size += 4 + len(v)
	}
	b := arrayHead(len(list), false, oidText, size)
	for _, v := range list {
		b = binary.BigEndian.AppendUint32(b, uint32(len(v)))
		b = append(b, v...)
	}
	return b
}

func byteaArray(list [][]byte) []byte {
	size, nulls := 0, false
	for _, v := range list {
		size += 4 + len(v)
		nulls = nulls || v == nil
	}
	b := arrayHead(len(list), nulls, oidBytea, size)
	for _, v := range list {
		if v == nil {
			b = binary.BigEndian.AppendUint32(b, null)
			continue
		}
		b = binary.BigEndian.AppendUint32(b, uint32(len(v)))
		b = append(b, v...)
	}
	return b
}
