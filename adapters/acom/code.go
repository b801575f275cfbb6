package acom

// Code is a 32-bit context-free MDC code of IEEE 11073-10101: the partition in
// the high 16 bits, the term in the low 16. 0 means "none".
type Code uint32

// MDC joins a partition and a term.
func MDC(partition, term uint16) Code { return Code(partition)<<16 | Code(term) }

// Partition is the high half of the code.
func (c Code) Partition() uint16 { return uint16(c >> 16) }

// Term is the low half of the code.
func (c Code) Term() uint16 { return uint16(c & 0xFFFF) }

// Partitions of IEEE 11073-10101 that adapters name.
const (
	PartitionObject         = 1
	PartitionSCADA          = 2
	PartitionEvent          = 3
	PartitionDimension      = 4
	PartitionParameterGroup = 6
	PartitionInfrastructure = 8
)
