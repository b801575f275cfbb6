package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"vitalwire/fhir"
)

// patients of the demo, by the name recordings use.
var demoPatients = []struct{ id, family, given, gender, birth string }{
	{"maria", "Lindqvist", "Maria", "female", "1958-03-14"},
	{"omar", "Haddad", "Omar", "male", "1971-09-02"},
	{"yuki", "Tanaka", "Yuki", "female", "1990-12-30"},
}

// recording is one file of examples/frames.
type recording struct {
	Title   string          `json:"title"`
	Adapter string          `json:"adapter"`
	Patient string          `json:"patient"`
	Submit  json.RawMessage `json:"submit"`
}

// demo serves on a throw-away store and plays the recordings through the
// server's own HTTP face, so that it shows what a gateway would see.
func demo(ctx context.Context, c Config, exit bool, p Program, log *slog.Logger) error {
	if c.Store == "" {
		dir, err := os.MkdirTemp("", "vitalwire-demo-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		c.Store = "sqlite:" + filepath.Join(dir, "demo.db")
	}
	s, err := Start(ctx, c, p.Adapters, log)
	if err != nil {
		return err
	}
	player := player{root: s.Root, out: p.Stdout}
	fmt.Fprintf(p.Stdout, "Vitalwire %s demo, on a throw-away store\n", Version)
	if err := player.play(ctx, p.Recordings); err != nil {
		return errors.Join(err, s.Stop(c.StopAfter))
	}
	fmt.Fprintf(p.Stdout, `
Look at:
  curl '%[1]s/Observation?patient=maria&_sort=-date&_pretty=true'
  curl '%[1]s/Observation?patient=omar&code=http://loinc.org|59408-5&_include=Observation:device&_pretty=true'
  curl 'http://%[2]s/ingest/quarantine'   and   'http://%[2]s/ingest/refused'
`, s.Base, s.Addr)
	if !exit {
		fmt.Fprintln(p.Stdout, "Serving until interrupted.")
		<-ctx.Done()
	}
	return s.Stop(c.StopAfter)
}

// player sends requests and prints a line of progress for each frame.
type player struct {
	root string
	out  io.Writer
}

func (p player) play(ctx context.Context, recordings fs.FS) error {
	for _, d := range demoPatients {
		patient := fhir.NewObject(fhir.S("resourceType", "Patient"), fhir.S("id", d.id),
			fhir.M("name", fhir.NewArray(fhir.NewObject(fhir.S("family", d.family), fhir.M("given", fhir.NewArray(fhir.NewString(d.given)))))),
			fhir.S("gender", d.gender), fhir.S("birthDate", d.birth))
		if _, _, err := p.send(ctx, http.MethodPut, "/fhir/Patient/"+d.id, "application/fhir+json", patient.AppendJSON(nil)); err != nil {
			return err
		}
		fmt.Fprintf(p.out, "  patient  %-6s %s %s\n", d.id, d.given, d.family)
	}
	names, err := fs.Glob(recordings, "*.json")
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := p.frame(ctx, recordings, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (p player) frame(ctx context.Context, recordings fs.FS, name string) error {
	data, err := fs.ReadFile(recordings, name)
	if err != nil {
		return err
	}
	var r recording
	if err := json.Unmarshal(data, &r); err != nil {
		return err
	}
	status, answer, err := p.send(ctx, http.MethodPost, "/ingest/"+r.Adapter, "application/json", r.Submit)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.out, "  frame    %-64s %s\n", r.Title, outcome(status, answer))
	if r.Patient == "" || status != http.StatusAccepted {
		return nil
	}
	// The device is new here: say who wears it, and its readings are released.
	device, err := p.waiting(ctx)
	if err != nil || device == "" {
		return err
	}
	association, err := json.Marshal(map[string]string{"device": device, "patient": "Patient/" + r.Patient, "start": "2026-01-01T00:00:00Z"})
	if err != nil {
		return err
	}
	status, answer, err = p.send(ctx, http.MethodPost, "/ingest/associations", "application/json", association)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.out, "  worn by  %-64s %d, released %s\n", r.Patient, status, answer.Get("released").Text())
	return nil
}

// waiting is the device of the first reading in quarantine.
func (p player) waiting(ctx context.Context) (string, error) {
	_, answer, err := p.send(ctx, http.MethodGet, "/ingest/quarantine", "", nil)
	return answer.Path("items", "device").Text(), err
}

// outcome is what became of a frame, in a few words.
func outcome(status int, answer *fhir.Element) string {
	if issue := answer.Path("issue", "diagnostics"); issue != nil {
		return fmt.Sprintf("%d %s", status, issue.Text())
	}
	made, there, waits := 0, 0, 0
	for _, entry := range answer.Get("entry").Items() {
		switch text := entry.Path("response", "status").Text(); {
		case text == "201 Created":
			made++
		case text == "202 Accepted":
			waits++
		case entry.Get("fullUrl") != nil:
			there++
		}
	}
	return fmt.Sprintf("%d: %d new, %d known, %d waiting", status, made, there, waits)
}

func (p player) send(ctx context.Context, method, path, contentType string, body []byte) (int, *fhir.Element, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, p.root+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, nil, err
	}
	answer, err := fhir.ParseElement(data)
	return response.StatusCode, answer, err
}
