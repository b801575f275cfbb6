package phd20601

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

// memory is the dictionary that server/ingest keeps.
type memory map[string][]byte

func (m memory) Recall(key string) ([]byte, bool) { v, ok := m[key]; return v, ok }

func (m memory) commit(memos []adapters.Memo) {
	for _, memo := range memos {
		if memo.Value == nil {
			delete(m, memo.Key)
		} else {
			m[memo.Key] = memo.Value
		}
	}
}

// golden is a folder of testdata: what went in, in the order of one device.
type golden struct {
	dir    string
	frames []adapters.Frame
	fresh  bool // a new decoder for every frame, as over HTTP
}

// readGolden reads in.hex: "name: value" lines hold for the frames after them,
// every other line is the hex of a frame, an indented line continues it, and #
// begins a comment. "connection: each" gives every frame its own connection.
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
		if strings.TrimSpace(line) == "" {
			continue
		}
		name, value, header := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		switch {
		case strings.HasPrefix(line, " "):
			last := &g.frames[len(g.frames)-1]
			last.Bytes = append(last.Bytes, unhex(t, line)...)
		case !header:
			frame.Bytes = unhex(t, line)
			g.frames = append(g.frames, frame)
		case name == "device":
			frame.Device = value
		case name == "received":
			if frame.Received, err = time.Parse(time.RFC3339Nano, value); err != nil {
				t.Fatal(err)
			}
		case name == "connection" && value == "each":
			g.fresh = true
		default:
			t.Fatalf("%s: unknown header %q", dir, line)
		}
	}
	if len(g.frames) == 0 {
		t.Fatalf("%s has no frames", dir)
	}
	return g
}

func readGoldens(t testing.TB) []golden {
	t.Helper()
	inputs, err := filepath.Glob(filepath.Join("testdata", "*", "in.hex"))
	if err != nil {
		t.Fatal(err)
	}
	var all []golden
	for _, in := range inputs {
		all = append(all, readGolden(t, filepath.Dir(in)))
	}
	return all
}

// outcome is a Result as want.json shows it: replies as hex, memos as text.
type outcome struct {
	Reports  any            `json:"reports,omitempty"`
	Reply    string         `json:"reply,omitempty"`
	Remember map[string]any `json:"remember,omitempty"`
}

func (g golden) run() ([]outcome, error) {
	known := memory{}
	decoder := Adapter.New(known)
	var all []outcome
	for _, frame := range g.frames {
		if g.fresh {
			decoder = Adapter.New(known)
		}
		result, err := decoder.Decode(frame)
		if err != nil {
			return all, err
		}
		known.commit(result.Remember)
		o := outcome{Reply: strings.ToUpper(hex.EncodeToString(result.Reply))}
		if result.Reports != nil {
			o.Reports = result.Reports
		}
		for _, memo := range result.Remember {
			if o.Remember == nil {
				o.Remember = map[string]any{}
			}
			if json.Valid(memo.Value) {
				o.Remember[memo.Key] = json.RawMessage(memo.Value)
			} else {
				o.Remember[memo.Key] = strings.ToUpper(hex.EncodeToString(memo.Value))
			}
		}
		all = append(all, o)
	}
	return all, nil
}

func TestGolden(t *testing.T) {
	goldens := readGoldens(t)
	refusals := 0
	for _, g := range goldens {
		t.Run(filepath.Base(g.dir), func(t *testing.T) {
			results, err := g.run()
			name, found := "want.json", marshal(t, results)
			if err != nil {
				refusals++
				var refused *adapters.Error
				if !errors.As(err, &refused) {
					t.Fatalf("%T is no *adapters.Error", err)
				}
				kind := "malformed"
				if refused.Unprocessable {
					kind = "unprocessable"
				}
				name, found = "want.error", []byte(kind+", "+err.Error()+"\n")
			}
			if again, _ := g.run(); !bytes.Equal(marshal(t, again), marshal(t, results)) {
				t.Error("decoding twice gives two answers")
			}
			path := filepath.Join(g.dir, name)
			if want, err := os.ReadFile(path); err == nil && bytes.Equal(want, found) {
				return
			}
			t.Errorf("%s differs; VITALWIRE_UPDATE=1 rewrites it. Found:\n%s", path, found)
			if os.Getenv("VITALWIRE_UPDATE") == "1" {
				for _, old := range []string{"want.json", "want.error"} {
					_ = os.Remove(filepath.Join(g.dir, old))
				}
				if err := os.WriteFile(path, found, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	if len(goldens) < 8 || refusals < 2 {
		t.Errorf("%d golden cases, %d refusals: testdata is not all there", len(goldens), refusals)
	}
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(v); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
