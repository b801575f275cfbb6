//go:build !race

package drop_test

// raced: the race detector is on.
const raced = false
