// Custom-adapter is Vitalwire with a device language of its own beside all others.
package main

import (
	"os"

	"vitalwire/adapters/all"
	"vitalwire/server"
)

func main() {
	os.Exit(server.Main(server.Program{Args: os.Args[1:], Environ: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Adapters: append(all.Adapters(), tapper)}))
}
