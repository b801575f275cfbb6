package template

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"vitalwire/adapters"
)

// The files of a template's folder.
const (
	ownFile     = "template.json"
	contentFile = "devicecontent.json"
	mappingFile = "fhirmapping.json"
	versionFile = "version"
	casesFolder = "cases"
)

// mostCases is how many cases a template may have, maxInput the longest input of one.
const (
	mostCases = 200
	maxInput  = 1 << 20
)

// Case is an input and what the template has to make of it.
type Case struct {
	Name  string
	Input []byte
	// Want are the facts, or Refusal a part of the reason why it is refused.
	Want    []Fact
	Refusal string
}

// Load reads the folder of a template and runs its cases. Errors: *Invalid for a
// template that cannot be used, *Failed when a case does not come out.
func Load(folder fs.FS, name string) (*Template, error) {
	t, err := Read(folder, name)
	if err != nil {
		return nil, err
	}
	if t.cases, err = readCases(folder); err != nil {
		return nil, err
	}
	return t, t.Test()
}

// Read reads the template of a folder without its cases; its name is that of the
// folder. Errors: *Invalid.
func Read(folder fs.FS, name string) (*Template, error) {
	own, err := limited(folder, ownFile, maxTemplate)
	if err == nil {
		t, err := Own(own)
		if err != nil {
			return nil, in(ownFile, err)
		}
		if t.Name != name {
			return nil, &Invalid{[]Issue{{ownFile + " $.template", fmt.Sprintf("the name is %q and that of the folder %q", t.Name, name)}}}
		}
		return t, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	content, err := limited(folder, contentFile, maxTemplate)
	if err != nil {
		return nil, &Invalid{[]Issue{{name, "the folder has no " + ownFile + ", and not both of " + contentFile + " and " + mappingFile}}}
	}
	mapping, err := limited(folder, mappingFile, maxTemplate)
	if err != nil {
		return nil, &Invalid{[]Issue{{name, mappingFile + " is missing beside " + contentFile}}}
	}
	t, err := Iomt(content, mapping)
	if err != nil {
		return nil, err
	}
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || len(name) > 64 || strings.HasPrefix(name, "-") {
		return nil, &Invalid{[]Issue{{name, "the folder's name has small letters, digits and dashes, 64 at most"}}}
	}
	t.Name, t.sender = name, name
	t.Digest = digest(content, mapping)
	t.Version = t.Digest
	if version, err := limited(folder, versionFile, 40); err == nil && len(bytes.TrimSpace(version)) > 0 {
		t.Version = string(bytes.TrimSpace(version))
	}
	return t, nil
}

// in names the file of each issue.
func in(file string, err error) error {
	var invalid *Invalid
	if !errors.As(err, &invalid) {
		return fmt.Errorf("%s: %w", file, err)
	}
	out := &Invalid{}
	for _, i := range invalid.Issues {
		out.Issues = append(out.Issues, Issue{file + " " + i.Path, i.Text})
	}
	return out
}

// limited reads a file of at most so many bytes.
func limited(folder fs.FS, name string, most int64) ([]byte, error) {
	f, err := folder.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		return nil, &Invalid{[]Issue{{name, fmt.Sprintf("the file is longer than %d bytes", most)}}}
	}
	return data, err
}

// digest is the beginning of the SHA-256 of files and their lengths.
func digest(files ...[]byte) string {
	h := sha256.New()
	for _, data := range files {
		fmt.Fprintf(h, "%d:", len(data))
		h.Write(data)
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// readCases reads cases/NAME/input.* with want.json or want.error.
func readCases(folder fs.FS) ([]Case, error) {
	entries, err := fs.ReadDir(folder, casesFolder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var cases []Case
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		if len(cases) == mostCases {
			return nil, &Invalid{[]Issue{{casesFolder, fmt.Sprintf("there are more than %d cases", mostCases)}}}
		}
		c, err := readCase(folder, path.Join(casesFolder, entry.Name()))
		if err != nil {
			return nil, err
		}
		cases = append(cases, c)
	}
	return cases, nil
}

func readCase(folder fs.FS, dir string) (c Case, err error) {
	c.Name = path.Base(dir)
	inputs, err := fs.Glob(folder, dir+"/input.*")
	if err != nil || len(inputs) != 1 {
		return c, &Invalid{[]Issue{{dir, "a case has one file input.json, input.csv or input.xml"}}}
	}
	if c.Input, err = limited(folder, inputs[0], maxInput); err != nil {
		return c, err
	}
	want, err := limited(folder, dir+"/want.json", maxInput)
	if err == nil {
		d := json.NewDecoder(bytes.NewReader(want))
		d.DisallowUnknownFields()
		if err := d.Decode(&c.Want); err != nil {
			return c, &Invalid{[]Issue{{dir + "/want.json", strings.TrimPrefix(err.Error(), "json: ")}}}
		}
		return c, nil
	}
	refusal, err := limited(folder, dir+"/want.error", 4096)
	if c.Refusal = string(bytes.TrimSpace(refusal)); err != nil || c.Refusal == "" {
		return c, &Invalid{[]Issue{{dir, "a case has want.json, or want.error with a part of the reason"}}}
	}
	return c, nil
}

// Failed are the cases of a template that did not come out.
type Failed struct{ Cases []string } //nolint:errname // what the cases did

func (e *Failed) Error() string { return "cases fail: " + strings.Join(e.Cases, "; ") }

// Cases is how many cases the template has.
func (t *Template) Cases() int { return len(t.cases) }

// Test runs the template's cases. Errors: *Failed.
func (t *Template) Test() error {
	var failed []string
	for _, c := range t.cases {
		if why := t.check(c); why != "" {
			failed = append(failed, c.Name+": "+why)
		}
	}
	if failed != nil {
		return &Failed{failed}
	}
	return nil
}

func (t *Template) check(c Case) string {
	result, err := decoder{t}.Decode(adapters.Frame{Bytes: c.Input})
	switch {
	case c.Refusal != "" && err == nil:
		return "it is not refused"
	case c.Refusal != "":
		if !strings.Contains(err.Error(), c.Refusal) {
			return "it is refused otherwise: " + err.Error()
		}
		return ""
	case err != nil:
		return "it is refused: " + err.Error()
	}
	found := Facts(result.Reports)
	if len(found) != len(c.Want) {
		return fmt.Sprintf("%d readings, wanted %d", len(found), len(c.Want))
	}
	for i, want := range c.Want {
		if why := found[i].differs(want); why != "" {
			return fmt.Sprintf("reading %d: %s", i+1, why)
		}
	}
	return ""
}
