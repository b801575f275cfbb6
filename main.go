// Vitalwire turns what medical devices say into FHIR R4 and serves it.
package main

import (
	"os"

	"vitalwire/adapters/all"
	"vitalwire/examples"
	"vitalwire/server"
)

func main() {
	os.Exit(server.Main(server.Program{
		Args: os.Args[1:], Environ: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Adapters: all.Adapters(), Recordings: examples.Frames(),
	}))
}
