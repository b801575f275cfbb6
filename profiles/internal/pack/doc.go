// Package pack is a store of definitions that is read without being unpacked:
// an index of what is inside, and the resources as compact JSON in blocks that
// are compressed one by one. Looking something up reads the index alone, and
// using it inflates the one block it lies in.
//
// The same form serves the embedded R4 definitions, which a generator writes,
// and packages that are loaded while the server runs.
//
// Layout, all numbers unsigned varints: magic; length of the deflated index,
// length of the index; the deflated index; the deflated blocks. Index: number
// of blocks, then deflated and plain length of each; number of entries, then
// each entry's texts (length and bytes), block, offset and length.
package pack
