// Package golden reads the golden cases of adapters: folders with in.hex, what a
// device sent, and want.json or want.error, what it meant. Only tests import it.
package golden

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vitalwire/adapters"
)

// Case is a folder of testdata.
type Case struct {
	Dir string
	// Frames in the order the device sent them.
	Frames []adapters.Frame
	// Fresh gives every frame a connection of its own, as over HTTP.
	Fresh bool
}

// Name is the folder's name, which begins with what it proves.
func (c Case) Name() string { return filepath.Base(c.Dir) }

// Cases reads all cases of an adapter's folder.
func Cases(t testing.TB, adapter string) []Case {
	t.Helper()
	inputs, err := filepath.Glob(filepath.Join(adapter, "testdata", "*", "in.*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(inputs) == 0 {
		t.Fatalf("%s has no golden cases", adapter)
	}
	var cases []Case
	for _, in := range inputs {
		switch filepath.Ext(in) {
		case ".hl7":
			cases = append(cases, messages(t, in))
		case ".txt":
			cases = append(cases, document(t, in))
		case ".xml":
			cases = append(cases, documents(t, in))
		default:
			cases = append(cases, read(t, filepath.Dir(in)))
		}
	}
	return cases
}

// messages reads in.hl7: HL7 v2 messages with a blank line between, each line a
// segment. A first line "profile: name" is what the transport knows of the sender.
func messages(t testing.TB, path string) Case {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c := Case{Dir: filepath.Dir(path)}
	var frame adapters.Frame
	text := string(data)
	if rest, ok := strings.CutPrefix(text, "profile: "); ok {
		frame.Profile, text, _ = strings.Cut(rest, "\n")
	}
	for _, message := range strings.Split(strings.TrimSpace(text), "\n\n") {
		frame.Bytes = []byte(strings.ReplaceAll(message, "\n", "\r") + "\r")
		c.Frames = append(c.Frames, frame)
	}
	return c
}

// document reads in.txt: a frame that is a text, after lines "profile: value",
// "device: value" and "received: value" that say what the transport knows.
func document(t testing.TB, path string) Case {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return Case{Dir: filepath.Dir(path), Frames: []adapters.Frame{texted(t, string(data))}}
}

// documents reads in.xml: frames as in.txt has one, with a line "----" between. Each comes
// on a connection of its own.
func documents(t testing.TB, path string) Case {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c := Case{Dir: filepath.Dir(path), Fresh: true}
	for _, text := range strings.Split(string(data), "\n----\n") {
		c.Frames = append(c.Frames, texted(t, text))
	}
	return c
}

// texted is a frame after the lines that say what the transport knows.
func texted(t testing.TB, text string) (frame adapters.Frame) {
	t.Helper()
	for {
		line, rest, _ := strings.Cut(text, "\n")
		name, value, _ := strings.Cut(line, ": ")
		switch name {
		case "profile":
			frame.Profile = value
		case "device":
			frame.Device = value
		case "received":
			at, err := time.Parse(time.RFC3339Nano, value)
			if err != nil {
				t.Fatal(err)
			}
			frame.Received = at
		default:
			frame.Bytes = []byte(text)
			return frame
		}
		text = rest
	}
}

// read reads in.hex: "name: value" lines hold for the frames after them, every
// other line is the hex of a frame, an indented line continues it, and # begins a
// comment. "connection: each" gives every frame its own connection.
func read(t testing.TB, dir string) Case {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "in.hex"))
	if err != nil {
		t.Fatal(err)
	}
	c := Case{Dir: dir}
	var frame adapters.Frame
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		if strings.TrimSpace(line) == "" {
			continue
		}
		name, value, header := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		switch {
		case strings.HasPrefix(line, " ") && len(c.Frames) > 0:
			last := &c.Frames[len(c.Frames)-1]
			last.Bytes = append(last.Bytes, Hex(t, line)...)
		case !header:
			frame.Bytes = Hex(t, line)
			c.Frames = append(c.Frames, frame)
		case name == "characteristic":
			frame.Characteristic = value
		case name == "device":
			frame.Device = value
		case name == "gateway":
			frame.Gateway = value
		case name == "profile":
			frame.Profile = value
		case name == "received":
			if frame.Received, err = time.Parse(time.RFC3339Nano, value); err != nil {
				t.Fatal(err)
			}
		case name == "connection" && value == "each":
			c.Fresh = true
		default:
			t.Fatalf("%s: unknown header %q", dir, line)
		}
	}
	if len(c.Frames) == 0 {
		t.Fatalf("%s has no frames", dir)
	}
	return c
}

// Hex reads hex digits with blanks between them.
func Hex(t testing.TB, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return data
}

// Memory is an adapters.Memory as server/ingest keeps it.
type Memory map[string][]byte

// Recall gives what was committed.
func (m Memory) Recall(key string) ([]byte, bool) { v, ok := m[key]; return v, ok }

// Commit keeps what a result wants remembered.
func (m Memory) Commit(memos []adapters.Memo) {
	for _, memo := range memos {
		if memo.Value == nil {
			delete(m, memo.Key)
		} else {
			m[memo.Key] = memo.Value
		}
	}
}

// Outcome is a Result as want.json shows it: replies as hex, memos as JSON where
// they are that, else as hex.
type Outcome struct {
	Reports  any              `json:"reports,omitempty"`
	Reply    string           `json:"reply,omitempty"`
	Remember map[string]any   `json:"remember,omitempty"`
	Alive    []adapters.Alive `json:"alive,omitempty"`
	Skipped  any              `json:"skipped,omitempty"`
}

// Show is a Result as want.json shows it.
func Show(result adapters.Result) Outcome {
	o := Outcome{Reply: strings.ToUpper(hex.EncodeToString(result.Reply)), Alive: result.Alive}
	if result.Reports != nil {
		o.Reports = result.Reports
	}
	if result.Skipped != nil {
		o.Skipped = result.Skipped
	}
	for _, memo := range result.Remember {
		if o.Remember == nil {
			o.Remember = map[string]any{}
		}
		switch {
		case memo.Value == nil:
			o.Remember[memo.Key] = nil
		case json.Valid(memo.Value):
			o.Remember[memo.Key] = json.RawMessage(memo.Value)
		default:
			o.Remember[memo.Key] = strings.ToUpper(hex.EncodeToString(memo.Value))
		}
	}
	return o
}

// Play decodes the frames of a case in order, committing what is to be
// remembered, and stops at the first refusal.
func (c Case) Play(adapter adapters.Adapter) ([]adapters.Result, error) {
	known := Memory{}
	decoder := adapter.New(known)
	var results []adapters.Result
	for _, frame := range c.Frames {
		if c.Fresh {
			decoder = adapter.New(known)
		}
		result, err := decoder.Decode(frame)
		if err != nil {
			return results, err
		}
		known.Commit(result.Remember)
		results = append(results, result)
	}
	return results, nil
}
