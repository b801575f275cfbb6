package blegatt

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vitalwire/adapters"
)

// golden is a case of testdata: frames in the order of one connection.
type golden struct {
	dir    string
	frames []adapters.Frame
}

// readGolden reads in.hex: "name: value" lines set what the frames after them
// have, every other line is the hex of one frame, # begins a comment.
func readGolden(t testing.TB, dir string) golden {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "in.hex"))
	if err != nil {
		t.Fatal(err)
	}
	g := golden{dir: dir}
	var frame adapters.Frame
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		name, value, header := strings.Cut(line, ":")
		if !header {
			raw, err := hex.DecodeString(strings.ReplaceAll(line, " ", ""))
			if err != nil {
				t.Fatalf("%s: %v in %q", dir, err, line)
			}
			frame.Bytes = raw
			g.frames = append(g.frames, frame)
			continue
		}
		value = strings.TrimSpace(value)
		switch name {
		case "characteristic":
			frame.Characteristic = value
		case "device":
			frame.Device = value
		case "gateway":
			frame.Gateway = value
		case "received":
			if frame.Received, err = time.Parse(time.RFC3339Nano, value); err != nil {
				t.Fatal(err)
			}
		default:
			t.Fatalf("%s: unknown header %q", dir, name)
		}
	}
	if len(g.frames) == 0 {
		t.Fatalf("%s has no frames", dir)
	}
	return g
}

func readGoldens(t testing.TB) []golden {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join("testdata", "*", "in.hex"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no golden cases: %v", err)
	}
	var out []golden
	for _, in := range dirs {
		out = append(out, readGolden(t, filepath.Dir(in)))
	}
	return out
}

// run decodes a golden's frames in one connection, committing what is to be
// remembered, and stops at the first refusal.
func (g golden) run() ([]adapters.Result, error) {
	known := memory{}
	decoder := Adapter.New(known)
	results := []adapters.Result{}
	for _, f := range g.frames {
		result, err := decoder.Decode(f)
		if err != nil {
			return results, err
		}
		known.commit(result.Remember)
		results = append(results, result)
	}
	return results, nil
}

func TestGolden(t *testing.T) {
	covered := map[string]bool{}
	refusals := 0
	for _, g := range readGoldens(t) {
		for _, f := range g.frames {
			covered[shortUUID(f.Characteristic)] = true
		}
		t.Run(filepath.Base(g.dir), func(t *testing.T) {
			results, err := g.run()
			name, found := "want.json", marshal(t, results)
			if err != nil {
				refusals++
				name = "want.error"
				var refused *adapters.Error
				if !errors.As(err, &refused) {
					t.Fatalf("%T is no *adapters.Error", err)
				}
				kind := "malformed"
				if refused.Unprocessable {
					kind = "unprocessable"
				}
				found = []byte(kind + ", " + err.Error() + "\n")
			}
			path := filepath.Join(g.dir, name)
			want, readErr := os.ReadFile(path)
			if readErr == nil && bytes.Equal(want, found) {
				if again, _ := g.run(); !bytes.Equal(marshal(t, again), marshal(t, results)) {
					t.Error("decoding twice gives two answers")
				}
				return
			}
			t.Errorf("%s differs; VITALWIRE_UPDATE=1 rewrites it. Found:\n%s", path, found)
			if os.Getenv("VITALWIRE_UPDATE") == "1" {
				for _, old := range []string{"want.json", "want.error"} {
					if err := os.Remove(filepath.Join(g.dir, old)); err != nil && !os.IsNotExist(err) {
						t.Fatal(err)
					}
				}
				if err := os.WriteFile(path, found, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	for uuid, l := range layouts {
		if !covered[uuid] {
			t.Errorf("no golden case reads %s %s", uuid, l.name)
		}
	}
	if refusals < 3 {
		t.Errorf("only %d golden refusals", refusals)
	}
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	out, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(out, '\n')
}
