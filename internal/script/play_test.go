package script

import (
	"strings"
	"testing"
)

// Every expectation is played where it holds and where it does not; a failing
// one must fail, and say where.
func TestPlay_Expectations(t *testing.T) {
	const (
		search = "GET bundle\n"
		put    = "PUT Patient/1\n  {\"a\": 1.50, \"id\": \"7\", \"n\": null, \"s\": [1, {\"t\": true, \"u\": 2}]}\n"
		stale  = put + "PUT Patient/1\nIf-Match: W/\"9\"\n  {}\n"
	)
	cases := []struct{ request, good, bad, says string }{
		{search, "200", "201", "the status is 200"},
		{search, "2xx", "4xx", "the status is 200"},
		{search, "404|200", "404|410", "the status is 200"},
		{put, `header ETag W/"1"`, `header ETag W/"2"`, `"W/\"1\"" is not as expected`},
		{put, `header etag ~ ^W/"\d+"$`, `header ETag ~ ^\d+$`, "does not match"},
		{put, `header ETag`, `header Location`, "there is no such header"},
		{put, `no header Location`, `no header ETag`, "it is"},
		{"GET none\n", `no body`, `body a = 1`, "not JSON"},
		{search, `body total = 2`, `no body`, "bytes"},
		{put, `body a = 1.50`, `body a = 1.5`, "it is 1.50"},
		{put, `body id = "7"`, `body id = 7`, "quote it"},
		{put, `body id != "8"`, `body id != "7"`, "it is just that"},
		{put, `body n = null`, `body n absent`, "it is null"},
		{put, `body a present`, `body b present`, "it is absent"},
		{put, `body b absent`, `body a absent`, "it is 1.50"},
		{put, `body b != 1`, `body b = 1`, "it is absent"},
		{put, `body id ~ ^\d$`, `body id ~ ^\d\d$`, `it is "7"`},
		{put, `body s[1].t = true`, `body s[1].t = false`, "it is true"},
		{put, `body s = [1, {"u":2, "t":true}]`, `body s = [1, {"t":true}]`, "it is [1"},
		{put, `body s[1].t.x absent`, `body s[2] present`, "it is absent"},
		{search, `body entry[0].resource.valueQuantity.value = 1.50`, `body entry[0].resource.valueQuantity.value = "1.50"`, "it is 1.50"},
		{search, `body entry[1].resource.component[code.text=dia].valueString = y z`, `body entry[1].resource.component[code.text=none].valueString = x`, "it is absent"},
		{search, `body entry[resource.id=o2].resource.component[code.text=a=b].valueString = x`, `body entry[resource.id=o3].resource present`, "it is absent"},
		{search, `count entry 4`, `count entry 3`, "there are 4"},
		{search, `count link 0`, `count total 2`, "not an array"},
		{search, `total 2`, `total 3`, "it is 2"},
		{search, `ids o1 o2`, `ids o2 o1`, "the ids are o1 o2"},
		{search, `ids Observation/o1 Observation/o2`, `ids Patient/o1 Observation/o2`, "the ids are Observation/o1"},
		{search, `included p1`, `included`, "the ids are p1"},
		{"GET history\n", `ids Patient/p9 Patient/p9`, `ids`, "the ids are p9 p9"},
		{"GET history\n", `issue informational`, `total 1`, "absent"},
		{search, `issue not-supported no such`, `issue not-supported other`, "the issues are"},
		{stale, `issue conflict version 7`, `issue deleted`, "the issues are"},
		{"GET echo\n", `no body`, `issue deleted`, "not JSON"},
		{put, `json {"s":[1,{"u":2}],"a":1.50}`, `json {"s":[1,{"u":3}]}`, "s[1].u is 2, not 3"},
		{put, `json {"s":[1,"..."]}`, `json {"s":[1]}`, "s has 2 elements, not 1"},
		{put, `json {}`, `json {"a":{}}`, "a is not an object"},
		{put, `json {"n":null}`, `json {"z":null}`, "z is absent"},
		{put, `json {"s":["..."]}`, `json []`, "the body is not an array"},
		{put, `text ~ "a": 1`, `text ~ ^x`, "the body does not match"},
		{"POST echo\n  hello\n", `text = hello`, `text = hell`, "another text"},
		{"parallel 8\nPOST once\n", `statuses 201x1 412x7`, `statuses 201x2 412x6`, "the statuses are 201x1 412x7"},
		{"parallel 8\nPOST once\n", `statuses 2xxx1 409|412x7`, `statuses 201x1`, "the statuses are 201x1 412x7"},
		{"repeat 3\nPOST once\n", `one 201`, `one 412`, "2 answers have it"},
		{"repeat 3\nPOST once\n", `2xx|412`, `201`, "answer 2: the status is 412"},
		{"GET moved\n", `302`, `200`, "the status is 302"},
	}
	for _, c := range cases {
		if said := playText(t, c.request+"expect "+c.good+"\n"); said != "" {
			t.Errorf("expect %s holds, and yet:\n%s", c.good, said)
		}
		said := playText(t, c.request+"expect "+c.bad+"\n")
		at := "case.txt:" + string(rune('0'+strings.Count(c.request, "\n")+1)) + ": expect " + c.bad + ": "
		if !strings.Contains(said, at) || !strings.Contains(said, c.says) {
			t.Errorf("expect %s fails, but it says %q; want %q and %q", c.bad, said, at, c.says)
		}
	}
}

func TestPlay_WhatIsSent(t *testing.T) {
	cases := map[string]string{
		"header lines, the same name twice": "POST echo\nX-Say: a\nX-Say: b\nexpect header X-Seen a+b\n",
		"a header replaces a default":       "with X-Say: a\nPOST echo\nX-Say: b\nexpect header X-Seen b\nPOST echo\nexpect header X-Seen a\n",
		"a default is taken away":           "with X-Say: a\nwith X-Say:\nPOST echo\nexpect header X-Seen ~ ^$\n",
		"a default is left out once":        "with X-Say: a\nPOST echo\nX-Say:\nexpect header X-Seen ~ ^$\n",
		"hex":                               "POST echo\n  hex: 48 65\n  6c6c 6f\nexpect text = Hello\nexpect header Content-Type application/octet-stream\n",
		"a file":                            "POST echo\n  file: frame.bin\nexpect text = frame\n",
		"a heredoc keeps blanks":            "POST echo\n<<END\n a\n\nexpect 1\nEND\nexpect text ~ ^ a\\n\\nexpect 1$\n",
		"an indented block":                 "POST echo\n  a\n    b\n\n  c\n\nexpect text ~ ^a\\n  b\\n\\nc$\n",
		"JSON is FHIR":                      "POST echo\n  {}\nexpect header Content-Type application/fhir+json\n",
		"XML is FHIR":                       "POST echo\n  <a/>\nexpect header Content-Type application/fhir+xml\n",
		"text":                              "POST echo\n  MSH|^~\\&\nexpect header Content-Type ~ ^text/plain\n",
		"a patch":                           "PATCH echo\n  []\nexpect header Content-Type application/json-patch+json\n",
		"a type of one's own":               "POST echo\nContent-Type: a/b\n  {}\nexpect header Content-Type a/b\n",
		"a query stays as it is":            "GET echo?a=%20b|c\nexpect header X-Query a=%20b|c\n",
		"a whole URL":                       "GET ${base}/echo?u=http://x\nexpect header X-Query u=http://x\n",
		"a URL in a query":                  "GET echo?u=http://x\nexpect header X-Query u=http://x\n",
		"the number of a repetition":        "repeat 3\nPUT Patient/${n}\n  {\"id\":\"${n}\"}\nexpect 201\nGET Patient/3\nexpect body id = \"3\"\n",
		"a variable from a header":          "POST once\nlet id = header Location ~ Patient/(\\d+)\nPUT ${id}\n  {\"i\":${id}}\nexpect body i = ${id}\nexpect body i = 77\n",
		"a variable from a body":            "GET bundle\nlet v = body entry[0].resource.valueQuantity.value\nlet c = body entry[1].resource.component\nPOST echo\n  {\"v\":${v},\"c\":${c}}\nexpect body v = 1.50\nexpect body c[0].code.text = a=b\n",
		"a variable from text":              "let a = text b c\nlet d = text <${a}>\nPOST echo\n  ${d}$${a}\nexpect text = <b c>$${a}\n",
		"an expectation over lines":         "GET bundle\nexpect json\n  {\n    \"total\": 2\n  }\n",
		"within":                            "within 5s\nGET slow\nexpect 200\nexpect text = done\n",
		"CR LF and a BOM":                   "\ufeffGET bundle\r\nexpect 200\r\n",
		"a preamble and two sections":       "let a = text 1\nsection one\nlet a = text 2\nPOST echo\n  ${a}\nexpect text = 2\nsection two\nPOST echo\n  ${a}\nexpect text = 1\n",
	}
	for name, text := range cases {
		if said := playText(t, text); said != "" {
			t.Errorf("%s: %s", name, said)
		}
	}
}

func TestPlay_Load(t *testing.T) {
	said := playText(t, `load Observation/o1 status=final code=http://loinc.org|8867-4 identifier[0]=urn:x|9 subject=Patient/p1 valueQuantity=80.0|/min active:=true name[0].given[0]="A \"B\"" name[0].given[1]=C
expect 201
GET Observation/o1
expect text = {"resourceType":"Observation","id":"o1","status":"final","code":{"coding":[{"code":"8867-4","system":"http://loinc.org"}]},"identifier":[{"system":"urn:x","value":"9"}],"subject":{"reference":"Patient/p1"},"valueQuantity":{"code":"/min","system":"http://unitsofmeasure.org","unit":"/min","value":80.0},"active":true,"name":[{"given":["A \"B\"","C"]}]}
`)
	if said != "" {
		t.Error(said)
	}
	said = playText(t, "with If-Match: W/\"5\"\nload Patient/p1 active:=true\n")
	if !strings.Contains(said, "case.txt:2: expect 200|201: the status is 412") {
		t.Errorf("a load that is refused says %q", said)
	}
}

func TestPlay_FailureShowsRequestAndResponse(t *testing.T) {
	said := playText(t, "PUT Patient/1\nIf-Match: W/\"7\"\nAuthorization: Bearer secret\n  {\"a\": 1}\nexpect 200\nexpect issue deleted\nGET bundle\nexpect 500\n")
	for _, want := range []string{
		"case.txt:5: expect 200: the status is 412", "case.txt:6: expect issue deleted",
		"request:  PUT http://127.0.0.1", `If-Match: W/"7"`, `{"a": 1}`, "response: 412 Precondition Failed", "Content-Length:", "version 7 is not current",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("the failure does not say %q:\n%s", want, said)
		}
	}
	for _, not := range []string{"secret", "expect 500"} {
		if strings.Contains(said, not) {
			t.Errorf("the failure says %q:\n%s", not, said)
		}
	}
	if said := playText(t, "GET binary\nexpect 500\n"); !strings.Contains(said, "hex: 00 01 ff") {
		t.Errorf("a binary body is shown as %s", said)
	}
	long := playText(t, "POST echo\n  "+strings.Repeat("x", 5000)+"\nexpect 500\n")
	if len(long) > 5000 || !strings.Contains(long, "5000 bytes in all") {
		t.Errorf("a long body is shown in %d bytes", len(long))
	}
}

func TestPlay_FaultsWhilePlaying(t *testing.T) {
	cases := map[string]string{
		"GET ${nowhere}\n":                                 "case.txt:1: GET ${nowhere}: ${nowhere} has no value here",
		"GET bundle\nexpect body total = ${x}\n":           "case.txt:2: expect body total = ${x}: ${x} has no value",
		"GET bundle\nlet a = header None\n":                "case.txt:2: let a = header None: there is no such header",
		"GET bundle\nlet a = body none\n":                  "it is absent",
		"GET bundle\nlet a = body total ~ x\n":             `"2" does not match`,
		"GET none\nlet a = body x\n":                       "not JSON",
		"let b = text [\nGET bundle\nexpect text ~ ${b}\n": "missing closing ]",
		"POST echo\n  file: none.bin\n":                    "none.bin",
		"let a = text zz\nPOST echo\n  hex: ${a}\n":        "hex body",
		"within 60ms\nGET none\nexpect 200\n":              "the status is 404",
		"let a = text ${a}\n":                              "case.txt:1: let a = text ${a}: ${a} has no value",
		"with X-A: ${a}\n":                                 "case.txt:1: ${a} has no value",
	}
	for text, want := range cases {
		if said := playText(t, text); !strings.Contains(said, want) {
			t.Errorf("%q says %q, want %q", text, said, want)
		}
	}
	sections, err := parse("case.txt", "GET x\n")
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{}
	newPlayer("http://127.0.0.1:1", ".").play(r, sections[0].steps)
	if !strings.Contains(r.said, "case.txt:1: GET x: ") {
		t.Errorf("a server that is not there: %q", r.said)
	}
}

// The public way in, on this package's own example: every section a subtest.
func TestRunAll_Example(t *testing.T) {
	RunAll(t, "testdata/*.txt", func(t *testing.T) Target {
		return Handler(&fake{bodies: map[string]string{}, versions: map[string]int{}})
	})
	t.Run("url", func(t *testing.T) { Run(t, URL(serve(t)+"/"), "testdata/example.txt") })
}
