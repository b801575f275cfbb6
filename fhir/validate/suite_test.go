package validate_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/fhir/term"
	"vitalwire/fhir/validate"
	"vitalwire/fhir/xml"
	"vitalwire/internal/shared"
	"vitalwire/profiles"
)

// suiteCase is a line of cases.jsonl.
type suiteCase struct {
	Name              string
	File              string
	Module            string
	Tier              string
	TxServer          bool     `json:"tx_server_seen"`
	Supporting        []string `json:"supporting"`
	Profile           string   `json:"profile"`
	ProfileSupporting []string `json:"profile_supporting"`
	Options           map[string]any
	Base              *suiteOutcome `json:"expect_base"`
	Profiled          *suiteOutcome `json:"expect_profile"`
}

type suiteOutcome struct {
	Errors int
	List   []struct{ Code, Expression, Text string } `json:"error_list"`
}

// suite is the archive of the validator cases and the definitions Java had.
type suite struct {
	t     *testing.T
	files map[string][]byte
	cases []suiteCase
	set   *profiles.Set
	plain *validate.Validator
	packs map[string][]string // case -> archives it asks for
}

func loadSuite(t *testing.T) *suite {
	s := &suite{t: t, files: map[string][]byte{}, packs: map[string][]string{}}
	files(t, shared.Read(t, "data", "fhir-test-cases", "validator-r4.tgz"), "", func(name string, data []byte) { s.files[name] = data })
	for _, line := range bytes.Split(s.files["cases.jsonl"], []byte("\n")) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var c suiteCase
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		s.cases = append(s.cases, c)
	}
	var manifest struct {
		Cases []struct {
			Name     string
			Packages []string
		} `json:"test-cases"`
	}
	if err := json.Unmarshal(s.files["manifest.json"], &manifest); err != nil {
		t.Fatal(err)
	}
	for _, c := range manifest.Cases {
		s.packs[c.Name] = c.Packages
	}
	s.set = profiles.R4().With(
		s.pack("hl7.fhir.uv.extensions.r4-5.2.0.tgz"), s.pack("hl7.terminology.r4-7.0.1.tgz"))
	s.plain = validate.New(s.set, validate.Terms(term.New(s.set)))
	return s
}

func (s *suite) pack(name string) *profiles.Package {
	return readPackage(s.t, shared.Read(s.t, "data", "igs", name), name)
}

func readPackage(t testing.TB, data []byte, name string) *profiles.Package {
	t.Helper()
	p, err := profiles.ReadPackage(context.Background(), bytes.NewReader(data), name, profiles.DefaultLimits())
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return p
}

// parse reads a file of the suite; issues are those that stop or accompany reading.
func (s *suite) parse(name string, set *profiles.Set) (*fhir.Element, []fhir.Issue) {
	data, ok := s.files[name]
	if !ok {
		return nil, []fhir.Issue{{Severity: fhir.Fatal, Text: "no file " + name}}
	}
	var root *fhir.Element
	var issues []fhir.Issue
	var err error
	if strings.HasSuffix(name, ".xml") {
		root, issues, err = xml.ParseElement(data, set)
	} else {
		root, err = fhir.ParseElement(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
	}
	var e *fhir.Error
	if errors.As(err, &e) {
		return nil, e.Issues
	}
	return root, issues
}

// archive makes a package of resources.
func archive(t testing.TB, resources [][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	add := func(name string, data []byte) {
		if err := w.WriteHeader(&tar.Header{Name: "package/" + name, Mode: 0o600, Size: int64(len(data)), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	add("package.json", []byte(`{"name":"suite.case","version":"9.9.9","fhirVersions":["4.0.1"]}`))
	for i, data := range resources {
		add(fmt.Sprintf("r%d.json", i), data)
	}
	w.Close()
	z.Close()
	return b.Bytes()
}

// validator is the validator with what the case brings, and the url of its profile.
func (s *suite) validator(c *suiteCase, withProfile bool) (v *validate.Validator, set *profiles.Set, url string, beside []*fhir.Element) {
	names := slices.Clone(c.Supporting)
	if withProfile {
		names = append(append(names, c.ProfileSupporting...), c.Profile)
	}
	set = s.set
	for _, p := range s.packs[c.Name] {
		switch {
		case p == "hl7.fhir.uv.ips#1.1.0":
			set = set.With(s.pack("hl7.fhir.uv.ips-1.1.0.tgz"))
		default:
			data := s.files[p]
			if data == nil {
				data = s.files["packages/"+p]
			}
			if data == nil {
				continue
			}
			// One of the packages is for STU3, which is refused.
			if pack, err := profiles.ReadPackage(context.Background(), bytes.NewReader(data), p, profiles.DefaultLimits()); err == nil {
				set = set.With(pack)
			}
		}
	}
	var resources [][]byte
	for _, name := range names {
		root, _ := s.parse(name, set)
		if root == nil {
			continue
		}
		beside = append(beside, root)
		resources = append(resources, root.AppendJSON(nil))
		if name == c.Profile {
			url = root.Get("url").Text()
		}
		for i := range root.Get("contained").Len() {
			beside = append(beside, root.Get("contained").At(i))
		}
	}
	if len(resources) == 0 && set == s.set {
		return s.plain, s.set, "", nil
	}
	if len(resources) > 0 {
		set = set.With(readPackage(s.t, archive(s.t, resources), "case.tgz"))
	}
	return validate.New(set, validate.Terms(term.New(set))), set, url, beside
}

var suiteReferences = map[string]validate.References{
	"CHECK_EXISTS_AND_TYPE": validate.ReferencesExist, "CHECK_VALID": validate.ReferencesValid,
	"CHECK_EXISTS": validate.ReferencesExist,
}

// run validates as the case asks.
func (s *suite) run(c *suiteCase, withProfile bool) []fhir.Issue {
	v, set, url, beside := s.validator(c, withProfile)
	root, issues := s.parse(c.File, set)
	if root == nil {
		return issues
	}
	opts := validate.Options{UnknownExtensions: validate.Refuse, WrongDisplay: validate.Refuse, MaxIssues: 2000, ExampleURLs: validate.Warn, VitalSigns: true,
		KnownExtensions: []string{"http://hl7.org/fhir/tools/", "http://example.org/", "http://acme.com/"}}
	if domain, ok := c.Options["allowed-extension-domain"].(string); ok {
		opts.KnownExtensions = append(opts.KnownExtensions, domain)
	}
	if examples, ok := c.Options["examples"].(bool); ok && !examples {
		opts.ExampleURLs = validate.Refuse
	}
	if policy, ok := c.Options["validateReference"].(string); ok {
		opts.References = suiteReferences[policy]
	}
	if c.Options["validateContains"] == "IGNORE" {
		opts.SkipContained = true
	}
	opts.Resolve = func(_ context.Context, ref string) *fhir.Resource { return s.resolve(ref, set, beside) }
	asked := s.global(beside, root)
	if withProfile {
		asked = append(asked, url)
	}
	return append(issues, v.Element(context.Background(), root, asked, opts)...)
}

// global are the profiles that an ImplementationGuide beside the case asks of
// every resource of the type; a server gets them from its configuration.
func (s *suite) global(beside []*fhir.Element, root *fhir.Element) (asked []string) {
	for _, el := range beside {
		if el.Get("resourceType").Text() != "ImplementationGuide" {
			continue
		}
		for _, g := range el.Get("global").Items() {
			if g.Get("type").Text() == root.Get("resourceType").Text() {
				asked = append(asked, g.Get("profile").Text())
			}
		}
	}
	return asked
}

// resolve finds a resource that lies beside the case.
func (s *suite) resolve(ref string, set *profiles.Set, beside []*fhir.Element) *fhir.Resource {
	for _, el := range beside {
		key := el.Get("resourceType").Text() + "/" + el.Get("id").Text()
		url, _, _ := strings.Cut(ref, "|")
		if ref == key || el.Get("url").Text() == url && url != "" {
			if res, err := fhir.AsResource(el); err == nil {
				return res
			}
		}
	}
	key, ok := fhir.ParseKey(ref)
	if !ok {
		if res, ok := set.Find("", ref); ok {
			return res
		}
		return nil
	}
	for _, ending := range []string{".xml", ".json"} {
		if root, _ := s.parse(key.ID+ending, set); root != nil && root.Get("resourceType").Text() == key.Type {
			if res, err := fhir.AsResource(root); err == nil {
				return res
			}
		}
	}
	return nil
}

var (
	comments = regexp.MustCompile(`/\*.*?\*/`)
	urlMarks = regexp.MustCompile(`\[url='[^']*'\]`)
)

// plainExpression takes out what Java writes into expressions for its readers.
func plainExpression(e string) string {
	e = urlMarks.ReplaceAllString(comments.ReplaceAllString(e, ""), "")
	return strings.TrimPrefix(strings.TrimSuffix(e, "."), "/f:")
}

func expressions(list []string) []string {
	out := make([]string, len(list))
	for i := range list {
		out[i] = plainExpression(list[i])
	}
	sort.Strings(out)
	return slices.Compact(out)
}

var indices = regexp.MustCompile(`\[\d+\]`)

// unindexed are expressions without list indices: Java counts the entries of a
// Bundle from 1 in some issues and names entry[0] for all in others.
func unindexed(list []string) []string {
	out := make([]string, len(list))
	for i := range list {
		out[i] = indices.ReplaceAllString(list[i], "")
	}
	sort.Strings(out)
	return slices.Compact(out)
}

type suiteScore struct {
	cases, anyRight, withErrors, same, places, overlap int
}
