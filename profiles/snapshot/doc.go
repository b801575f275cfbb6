// Package snapshot makes the snapshot of a StructureDefinition from its
// differential and the structure it derives from (R4 profiling §5.1.0.4,
// elementdefinition §2.25).
package snapshot
