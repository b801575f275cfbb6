package script

import (
	"strings"
	"testing"
)

func TestParse_ErrorsNameFileAndLine(t *testing.T) {
	cases := map[string]string{
		"":                                    "s.txt:1: nothing to play",
		"# only\n":                            "s.txt:1: nothing to play",
		"FETCH x\n":                           `s.txt:1: "FETCH" is not a request`,
		"GET\n":                               `s.txt:1: "GET" is not a request`,
		"GET a b\n":                           "s.txt:1: a path has no blanks",
		"\nX-A: b\n":                          "s.txt:2: header X-A: stands right after a request line",
		"GET x\nexpect 200\nX-A: b\n":         "s.txt:3: header X-A",
		"GET x\n  a\nX-A: b\n":                "s.txt:3: header X-A",
		"expect 200\n":                        "s.txt:1: expect stands after a request",
		"with A: b\nexpect 200\n":             "s.txt:2: expect stands after a request",
		"let a = text b\nexpect 200\n":        "s.txt:2: expect stands after a request",
		"let a = body x\n":                    "s.txt:1: let stands after a request",
		"GET x\nlet a b\n":                    "s.txt:2: let takes",
		"GET x\nlet a = cookie b\n":           "s.txt:2: let takes",
		"GET x\nlet a = header\n":             "s.txt:2: let",
		"GET x\nlet a = body x ~ (\n":         "s.txt:2: error parsing regexp",
		"GET x\nexpect 600\n":                 "s.txt:2: expect \"600\" is not known",
		"GET x\nexpect 200 ids o1\n":          "s.txt:2: expect 200 stands alone",
		"GET x\nexpect body\n":                "s.txt:2: expect body takes",
		"GET x\nexpect body a\n":              "s.txt:2: expect body takes",
		"GET x\nexpect body a = \n":           "s.txt:2: expect body",
		"GET x\nexpect body a[ = 1\n":         "s.txt:2: path a[: a ] is missing",
		"GET x\nexpect body a[b] = 1\n":       "s.txt:2: path a[b]: [b] is neither",
		"GET x\nexpect body a..b = 1\n":       "s.txt:2: path a..b: a name is missing",
		"GET x\nexpect body a[0]b = 1\n":      "s.txt:2: path a[0]b: a dot is missing",
		"GET x\nexpect body a ~ (\n":          "s.txt:2: error parsing regexp",
		"GET x\nexpect header\n":              "s.txt:2: expect header takes",
		"GET x\nexpect header A ~ (\n":        "s.txt:2: error parsing regexp",
		"GET x\nexpect no\n":                  "s.txt:2: expect no header NAME",
		"GET x\nexpect count a\n":             "s.txt:2: expect count takes",
		"GET x\nexpect total x\n":             "s.txt:2: expect total takes",
		"GET x\nexpect issue\n":               "s.txt:2: expect issue takes",
		"GET x\nexpect text a\n":              "s.txt:2: expect text takes",
		"GET x\nexpect one\n":                 "s.txt:2: expect one takes",
		"GET x\nexpect statuses 201\n":        "s.txt:2: expect statuses takes",
		"GET x\nexpect statuses\n":            "s.txt:2: expect statuses takes",
		"GET x\nexpect json {\n":              "s.txt:2: expect json",
		"GET x\nexpect json\nexpect 200\n":    "s.txt:2: expect json is an indented block",
		"GET x\n  expect 200\n":               "s.txt:2: expect begins at the start of a line",
		"  {}\n":                              "s.txt:1: a body stands after",
		"GET x\n  a\n<<E\nb\nE\n":             "s.txt:3: a body stands after",
		"POST x\n<<E\nb\n":                    "s.txt:2: no line E ends this body",
		"POST x\n    a\n  b\n":                "s.txt:3: this line is indented less",
		"POST x\n  hex: 0g\n":                 "s.txt:2: hex body",
		"section\n":                           "s.txt:1: a section has a name",
		"section a\nGET x\nsection a\n":       `s.txt:3: section "a" is there already`,
		"repeat 0\nGET x\n":                   "s.txt:1: repeat takes a number",
		"repeat 2\nparallel 2\nGET x\n":       "s.txt:2: one repeat or parallel",
		"repeat 2\nwithin 5s\nGET x\n":        "s.txt:2: within does not go with",
		"within 5\nGET x\n":                   "s.txt:1: within takes a time",
		"GET x\nrepeat 2\n":                   "s.txt:2: no request follows",
		"repeat 2\nsection a\n":               "s.txt:2: repeat, parallel and within stand",
		"repeat 2\nwith A: b\n":               "s.txt:2: repeat, parallel and within stand",
		"repeat 2\nlet a = text b\n":          "s.txt:2: repeat, parallel and within stand",
		"with A\n":                            "s.txt:1: with takes a header",
		"load Patient\n":                      "s.txt:1: load takes Type/id",
		"load Patient/1 active\n":             `s.txt:1: load: "active" is not path=value`,
		"load Patient/1 active:=tru\n":        "s.txt:1: load: active",
		"load Patient/1 name[1].family=x\n":   "s.txt:1: load: name[1].family: [1] comes before [0]",
		"load Patient/1 name[a=b].family=x\n": "s.txt:1: load: name[a=b].family: only [n]",
		"load Patient/1 a=x a.b=y\n":          "two kinds of value",
		"load Patient/1 a=\"x\n":              "s.txt:1: a closing \" is missing",
		"load O/1 valueQuantity=1x|mg\n":      "s.txt:1:",
		"load Patient/1 a=b\n  {}\n":          "s.txt:2: a body stands after",
	}
	for text, want := range cases {
		_, err := parse("s.txt", text)
		if err == nil {
			t.Errorf("%q is read without an error, want %q", text, want)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("section a\nGET x\nX: y\n  {}\nexpect 200\nlet a = body b[0].c ~ (x)\n")
	f.Add("load Patient/1 a=b c:=1 d[0]=x|y\nparallel 3\nPOST x\n<<E\nE\nexpect json\n  {}\n")
	f.Fuzz(func(t *testing.T, text string) {
		sections, err := parse("s.txt", text)
		if err == nil && len(sections) == 0 {
			t.Fatal("a script without sections is read without an error")
		}
	})
}
