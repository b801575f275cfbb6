package mdcfile

import (
	"fmt"
	"strings"
	"testing"

	"vitalwire/fhir/term"
)

// shown is rows in a line each: code REFID "display" +synonyms [ucum] LOINC.
func shown(rows []term.Addition) string {
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "%s %d %s %q", strings.TrimPrefix(r.At, "f:"), r.Code, r.RefID, r.Display)
		for _, s := range r.Synonyms {
			b.WriteString(" +" + s)
		}
		if len(r.UCUM) > 0 {
			fmt.Fprint(&b, " ", r.UCUM)
		}
		if r.LOINC != nil {
			fmt.Fprintf(&b, " %s|%s|%s", r.LOINC.Code, r.LOINC.Like, r.LOINC.Loose)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// The forms in which RTMMS and LOINC write their tables, as read in programs that read
// them (devices.md F); the rows are ours.
func TestRead_Forms(t *testing.T) {
	const terms = "2 191100 MDC_A \"Level of A\"\n"
	for name, c := range map[string]struct{ file, want string }{
		"rosetta_terms.csv": {`Group,REFID,CF_CODE10,Common Term,PART,CODE10,UOM_MDC,UCODE10,CF_UCODE10,UOM_UCUM` + "\r\n" +
			`"A, B",MDC_A,191100,"Level of A",2,60028,MDC_DIM_B MDC_DIM_A ,64032 64000 ,326176 326144 ,g/L mg/dL ` + "\r\n" +
			`x,MDC_B,191104,,2,60032,MDC_DIM_A,64000,326144,{beat}/min /min` + "\r\n" +
			`x,MDC_C,,,,,,,,` + "\r\n",
			"2 326176 MDC_DIM_B \"\"\n2 326144 MDC_DIM_A \"\"\n2 191100 MDC_A \"Level of A\"\n" +
				"3 326144 MDC_DIM_A \"\" [{beat}/min /min]\n3 191104 MDC_B \"\"\n"},
		"semicolons, a mark, a title, the parts alone": {"\uFEFFRosetta terms;;\nREFID;Part;CODE10;Display Name\nMDC_A;2;60028;Level of A\n", "3 191100 MDC_A \"Level of A\"\n"},
		"getTermsJson": {"[\n{\"referenceId\":\"MDC_A\",\"cfcode10\":\"191100\",\"partition\":\"SCADA\",\"commonTerm\":\"Level of A\",\"sources\":[\"HRTM\"]},\n" +
			"{\"referenceId\":\"MDC_P\",\"cfcode10\":\"\"}]", terms},
		"the old JSON": {"{\"rosetta\":[\n{\"refidOrNewRefid\":\"MDC_A\",\"cf_CODE10\":191100,\"displayName\":\"Level of A\"}]}", terms},
		"Rosetta JSON": {"[{\"_id\":3,\n\"term\":{\"refid\":\"MDC_A\",\"cfCode10\":191100,\"code10\":60028,\"partition\":2,\"commonTerm\":\"Level of A\"}," +
			"\"units\":[{\"_id\":5,\"term\":{\"refid\":\"MDC_DIM_A\",\"cfCode10\":326144},\"ucums\":[{\"_id\":7,\"ucum\":\"mg/dL\"},{\"ucum\":\"mg.dL-1\"}]}]," +
			"\"enums\":[{\"term\":{\"refid\":\"MDC_E\",\"cfCode10\":191108}}]}]",
			"1 191100 MDC_A \"Level of A\"\n2 326144 MDC_DIM_A \"\" [mg/dL mg.dL-1]\n2 191108 MDC_E \"\"\n"},
		"rosettas XML": {"<?xml version=\"1.0\" encoding=\"UTF-8\"?><rosettas><terms>\n<term><_id>1</_id><term><refid>MDC_A</refid><cfCode10>191100</cfCode10><commonTerm>Level of A</commonTerm></term>" +
			"<units><unit><term><refid>MDC_DIM_A</refid><cfCode10>326144</cfCode10></term><ucums><ucum><ucum>mg/dL</ucum></ucum></ucums></unit></units></term>\n" +
			"<term><term><refid>MDC_B</refid><cfCode10>191104</cfCode10></term></term></terms></rosettas>",
			terms + "2 326144 MDC_DIM_A \"\" [mg/dL]\n3 191104 MDC_B \"\"\n"},
		"HRTM XML": {"<HRTM>\n<HRosetta><term><REFID>MDC_A</REFID><CF_CODE10>191100</CF_CODE10><Synonym>MDC_A_OLD</Synonym><Common_Term>Level of A</Common_Term><UOM_UCUM>mg/dL</UOM_UCUM></term></HRosetta></HRTM>",
			"2 191100 MDC_A \"Level of A\" +MDC_A_OLD\n"},
		"RTM units XML": {"<RTM><Units>\n<term><UOM_MDC>MDC_DIM_A</UOM_MDC><CF_UCODE10>326144</CF_UCODE10><UOM_UCUM>mg/dL</UOM_UCUM></term>\n" +
			"<term><UOM_MDC>MDC_DIM_B</UOM_MDC><CF_UCODE10>326176</CF_UCODE10></term></Units></RTM>",
			"2 326144 MDC_DIM_A \"\" [mg/dL]\n3 326176 MDC_DIM_B \"\"\n"},
		"HTML as it is written, without an end": {"<html><head></head><body><h2>Rosetta terms</h2><table border=\"1\"><tbody><tr bgcolor=\"#FFCC00\"><th>#</th><th>REFID</th><th>Common Term</th><th>Part</th><th>CODE10</th><th>CF_CODE10</th><th>UOM_MDC</th></tr>\n" +
			"<tr><td>1</td><td>MDC_A</td><td>Level of A</td><td>2</td><td>60028</td><td>191100</td><td>undefined</td></tr>\n<tr><td>2</td><td>MDC_B<br></td><td>B &amp; C</td><td>2</td><td>60032</td><td>191104</td><td></td></tr></tbody></table></body><html>",
			terms + "3 191104 MDC_B \"B & C\"\n"},
		"CodeSystem JSON": {"{\"resourceType\":\"CodeSystem\",\"url\":\"urn:iso:std:iso:11073:10101\",\"concept\":[\n{\"code\":\"191100\",\"display\":\"MDC_A\",\"designation\":[" +
			"{\"use\":{\"code\":\"synonym\"},\"value\":\"MDC_A_OLD\"},{\"use\":{\"code\":\"systematic-name\"},\"value\":\"A | B\"},{\"use\":{\"code\":\"common-term\"},\"value\":\"Level of A\"}]}]}",
			"2 191100 MDC_A \"Level of A\" +MDC_A_OLD\n"},
		"CodeSystem XML": {"<CodeSystem xmlns=\"http://hl7.org/fhir\"><url value=\"urn:iso:std:iso:11073:10101\"/>\n<concept><code value=\"191100\"/><display value=\"MDC_A\"/>" +
			"<designation><use><code value=\"common-term\"/></use><value value=\"Level of A\"/></designation></concept></CodeSystem>", terms},
		"LOINC": {"\"LOINC_NUM\",\"LOINC_LONG_COMMON_NAME\",\"IEEE_CF_CODE10\",\"IEEE_REFID\",\"EQUIVALENCE\"\n" +
			"\"2345-7\",\"Glucose [Mass/volume] in Serum or Plasma\",\"191100\",\"MDC_A\",\"equivalent\"\n\"8867-4\",\"Heart rate\",\"191104\",\"MDC_B\",\"wider\"\n",
			"2 191100 MDC_A \"\" 2345-7|g/L|\n3 191104 MDC_B \"\" 8867-4||narrower\n"},
		"LOINC of old, in ISO 8859-1": {"LOINC_NUM,LOINC_LONG_COMMON_NAME,IEEE_CF_CODE10,IEEE_REFID,IEEE_UOM_UCUM\n8867-4,Heart r\xE4te,191104,MDC_B,{beat}/min /min\n",
			"2 191104 MDC_B \"\" 8867-4|{beat}/min|\n"},
	} {
		t.Run(name, func(t *testing.T) {
			rows, _, err := Read("f", []byte(c.file))
			if err != nil {
				t.Fatal(err)
			}
			if got := shown(rows); got != c.want {
				t.Errorf("got\n%swant\n%s", got, c.want)
			}
		})
	}
}

func TestRead_RefusesWithFileAndLine(t *testing.T) {
	const head = "REFID,CF_CODE10,PART,CODE10\n"
	deep := strings.Repeat("[", 100)
	for name, c := range map[string]struct{ file, want string }{
		"nothing":                {" \n", "f:1: the file is empty"},
		"other columns":          {"a,b\n1,2\n", "f:1: no codes"},
		"header alone":           {head, "f:1: no codes"},
		"a workbook":             {"PK\x03\x04", "save its sheet as CSV"},
		"a word for a code":      {head + "MDC_A,191100,2,60028\nMDC_B,x,,\n", "f:3: \"x\" is no code"},
		"a code too large":       {head + "MDC_A,4294967296,,\n", "f:2:"},
		"a code put together":    {head + "MDC_A,191100,2,60029\n", "f:2: the code 191100 is not partition 2, term 60029"},
		"a name that is none":    {head + "<script>,191100,2,60028\n", "f:2:"},
		"quotes that do not end": {head + "MDC_A,\"191100,2\n", "f:2: this is no CSV"},
		"a unit elsewhere":       {"UOM_MDC,CF_UCODE10\nMDC_DIM_A,191100\n", "f:2: 191100 is the code of a unit"},
		"LOINC's check digit":    {"LOINC_NUM,IEEE_CF_CODE10,IEEE_REFID\n8867-5,191100,MDC_A\n", "f:2: \"8867-5\" is no LOINC"},
		"an equivalence":         {"LOINC_NUM,IEEE_CF_CODE10,IEEE_REFID,EQUIVALENCE\n8867-4,191100,MDC_A,maybe\n", "f:2: \"maybe\""},
		"JSON that ends":         {"[\n{\"refid\":\"MDC_A\",", "f:2: this is no JSON"},
		"two values":             {"[] []", "something stands behind"},
		"deep JSON":              {deep, "f:1: values nest"},
		"deep XML":               {"<a>" + strings.Repeat("<b>", 100), "f:1: elements nest"},
		"an entity":              {"<!DOCTYPE a [<!ENTITY b \"c\">]>\n<a>&b;</a>", "f:2: this is no XML"},
		"another CodeSystem":     {"{\"resourceType\":\"CodeSystem\",\"url\":\"http://loinc.org\"}", "http://loinc.org"},
		"a long cell":            {head + "MDC_A,191100,2,\"" + strings.Repeat("9", mostCell+1) + "\"\n", "f:2: a value of more"},
		"HTML that ends":         {"<html><table>\n<tr>", "f:2: the page"},
	} {
		t.Run(name, func(t *testing.T) {
			rows, _, err := Read("f", []byte(c.file))
			if err == nil || !strings.Contains(err.Error(), c.want) || rows != nil {
				t.Errorf("%v, want %q; rows %v", err, c.want, rows)
			}
		})
	}
}

func TestRead_IsBounded(t *testing.T) {
	if _, _, err := Read("f", make([]byte, mostBytes+1)); err == nil {
		t.Error("a file of any size is read")
	}
	for _, read := range []func(*reader) error{
		func(r *reader) error { return r.json([]byte("[1, 2, 3, 4]")) },
		func(r *reader) error { return r.xml([]byte("<a><b/><b/><b c=\"\"/></a>")) },
	} {
		if err := read(&reader{name: "f", nodes: mostNodes - 3}); err == nil || !strings.Contains(err.Error(), "more than") {
			t.Error(err)
		}
	}
}

func TestLOINC_CheckDigit(t *testing.T) {
	for _, good := range []string{"8867-4", "2345-7", "99504-3", "105272-9", "85354-9", "1-8"} {
		if !isLOINC(good) {
			t.Error(good)
		}
	}
	for _, bad := range []string{"", "-", "8867", "8867-5", "8867-", "-4", "88a7-4", "123456789-0", "LP7-1"} {
		if isLOINC(bad) {
			t.Error(bad)
		}
	}
}

// FuzzRead: no file brings the program down, and what is read can be overlaid.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"REFID,CF_CODE10,PART,CODE10,UOM_MDC,CF_UCODE10,UOM_UCUM\nMDC_A,191100,2,60028,MDC_DIM_A,326144,mg/dL\n",
		"LOINC_NUM,IEEE_CF_CODE10,IEEE_REFID,EQUIVALENCE\n8867-4,147842,MDC_A,wider\n",
		`[{"term":{"refid":"MDC_A","cfCode10":147842},"units":[{"term":{"refid":"MDC_DIM_A","cfCode10":264274},"ucums":[{"ucum":"g"}]}]}]`,
		`<HRTM><term><REFID>MDC_A</REFID><CF_CODE10>191100</CF_CODE10></term></HRTM>`,
		`<html><table><tr><th>REFID<th>CF_CODE10</tr><tr><td>MDC_A</td><td>1</td></tr></table>`,
		`{"resourceType":"CodeSystem","url":"urn:iso:std:iso:11073:10101","concept":[{"code":"1","display":"MDC_A"}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		rows, _, err := Read("f", data)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f:") && !strings.HasPrefix(err.Error(), "f: ") {
				t.Errorf("%v does not say where", err)
			}
			return
		}
		for _, r := range rows {
			if r.Code == 0 || !refIDForm.MatchString(r.RefID) || r.At == "" {
				t.Errorf("%+v", r)
			}
		}
		term.Overlay(rows)
	})
}
