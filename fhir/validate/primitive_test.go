package validate

import (
	"strings"
	"testing"
)

func TestPrimitives(t *testing.T) {
	for _, c := range []struct {
		typ  primitive
		good []string
		bad  []string
	}{
		{primInteger, []string{"0", "-1", "2147483647", "-2147483648"}, []string{"2147483648", "-2147483649", "1.0", "1e3", "99999999999999999999"}},
		{primUnsignedInt, []string{"0", "2147483647"}, []string{"-1", "2147483648"}},
		{primPositiveInt, []string{"1"}, []string{"0", "-1"}},
		{primDecimal, []string{"0", "1.50", "-0.1", "1e3", "1E-10"}, []string{"1e1000", "1e99999999", "1" + strings.Repeat("0", 1000)}},
		{primString, []string{"x", " x ", "a\nb\tc", "é\u2028"}, []string{"", " ", "\n", "a\x00b", "a\x0bb", strings.Repeat("x", maxText+1)}},
		{primMarkdown, []string{"# x\n\ny"}, []string{"", "  "}},
		{primCode, []string{"x", "x y", "a-b", "mm[Hg]"}, []string{"", " x", "x ", "x  y", "x\ty"}},
		{primID, []string{"a", "A-1.b", strings.Repeat("x", 64)}, []string{"", "a_b", "a b", strings.Repeat("x", 65)}},
		{primURI, []string{"http://x", "urn:oid:1.2.3", "urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "urn:uuid:c757873d-ec9a-4326-a141-556f43239520#x", "#x", "x", "http://xé"}, []string{"", "a b", "a\n", "http://x y", "urn:oid:1.02", "urn:oid:3.1", "urn:uuid:x", "urn:uuid:C757873D-EC9A-4326-A141-556F43239520", "a\u00a0b"}},
		{primOID, []string{"urn:oid:1.2.840.113883", "urn:oid:0.1", "urn:oid:2.16.0"}, []string{"1.2", "urn:oid:", "urn:oid:1", "urn:oid:1.", "urn:oid:1..2", "urn:oid:1.a", "urn:oid:4.2", "urn:oid:10.2"}},
		{primUUID, []string{"urn:uuid:c757873d-ec9a-4326-a141-556f43239520"}, []string{"c757873d-ec9a-4326-a141-556f43239520", "urn:uuid:c757873dec9a4326a141556f43239520"}},
		{primDate, []string{"2020", "2020-02", "2020-02-29", "0001"}, []string{"", "20", "2020-2", "2020-13", "2020-00", "2021-02-29", "2020-04-31", "1900-02-29", "0000", "2020-01-01T00:00:00Z", "2020/01/01", "20200101"}},
		{primDateTime, []string{"2020", "2020-02-29", "2020-02-29T23:59:59Z", "2020-02-29T23:59:60.123456789+14:00", "2020-01-01T00:00:00-11:30"}, []string{"2020-01-01T10:00Z", "2020-01-01T24:00:00Z", "2020-01-01T10:00:00", "2020-01-01T10:00:00.Z", "2020-01-01T10:00:00+15:00", "2020-01-01T10:00:00+14:01", "2020-01T10:00:00Z", "2020-01-01 10:00:00Z", "2020-01-01T10:00:00z"}},
		{primInstant, []string{"2020-02-29T23:59:59Z", "2020-02-29T23:59:59.1+01:00"}, []string{"2020", "2020-02-29", "2020-02-29T23:59:59"}},
		{primTime, []string{"00:00:00", "23:59:59.999"}, []string{"24:00:00", "10:00", "10:00:00Z", "1:00:00", "10:60:00", "10:00:00."}},
		{primBase64, []string{"YWJj", "YWI=", "YQ==", "YW Jj\n", "QUJD YWI="}, []string{"", "YW", "YWJ", "YQ=a", "a===", "!!!!", "====", "YW.j"}},
	} {
		for _, s := range c.good {
			if wrong := c.typ.check(s); wrong != "" {
				t.Errorf("%s %.40q: %s", c.typ, s, wrong)
			}
		}
		for _, s := range c.bad {
			if c.typ.check(s) == "" {
				t.Errorf("%s %.40q was taken", c.typ, s)
			}
		}
	}
}

func TestXHTML(t *testing.T) {
	div := func(s string) string { return `<div xmlns="http://www.w3.org/1999/xhtml">` + s + `</div>` }
	for _, good := range []string{
		div("x"), " " + div("<p>x</p>") + "\n", div(`<img src="#i" alt="x"/>`), div(`<a href="http://x" title='y'>&#233;&#xE9;&amp;</a>`),
		div("<!-- c --><table><tr><td colspan=\"2\">x</td></tr></table>"), div("<p\n class=\"x\" >y</p >"), div("<![CDATA[ x ]]>"),
		`<div xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">x</div>`,
	} {
		if res := checkXHTML(good); res.wrong != "" || res.empty {
			t.Errorf("%q: %+v", good, res)
		}
	}
	for _, bad := range []string{
		"", "x", "<p>x</p>", "<div>x</div>", div("x") + "y", div("x") + div("y"), div("<p>x"), div("</p>"), div("<p>x</div>"),
		div("<script>x</script>"), div("<form/>"), div("<iframe src=\"x\"/>"), div("<p onclick=\"x\">y</p>"), div(`<a href="javascript:x">y</a>`),
		div(`<a href=" JavaScript:x">y</a>`), div(`<a href="data:x">y</a>`), div("&nbsp;"), div("&"), div("& x"), div("&#;"), div("&#xZ;"), div("a < b"), div("<p x>y</p>"), div("<p class=x>y</p>"),
		div("<p class=\"x>y</p>"), div("<!DOCTYPE x>"), div("<?php x?>"), div("<!-- x"), div("<p class='<'>x</p>"), div(strings.Repeat("<p>", 300)), div("<p"), div("<blink>x</blink>"),
		`<div xmlns="http://www.w3.org/1999/xhtml"/>x`, `<divx xmlns="http://www.w3.org/1999/xhtml">x</divx>`,
	} {
		if res := checkXHTML(bad); res.wrong == "" {
			t.Errorf("%q was taken", bad)
		}
	}
	for _, empty := range []string{div(""), div(" \n"), div("<p> </p>"), `<div xmlns="http://www.w3.org/1999/xhtml"/>`} {
		if res := checkXHTML(empty); res.wrong != "" || !res.empty {
			t.Errorf("%q: %+v", empty, res)
		}
	}
}

// What can be decided without FHIRPath, and what must not be.
func TestNewDecider(t *testing.T) {
	for text, want := range map[string]bool{
		"code.empty() or system.exists()":                  true,
		"extension.exists() != value.exists()":             true,
		"contained.contained.empty()":                      true,
		"value.empty() or component.where(x).empty()":      true,
		"type = 'batch' implies entry.exists()":            true,
		"(start.exists() and end.exists()).not()":          true,
		"a.count() = 1":                                    false,
		"(start <= end)":                                   false,
		"a | b":                                            false,
		"Patient.name.exists()":                            false,
		"%resource.type = 'x'":                             false,
		"name.matches('[A-Z]( and | or )x')":               false,
		"a.exists() xor b.exists()":                        false,
		"a.exists() implies b.exists() implies c.exists()": false,
		"a[0].exists()":                                    false,
		"$this.exists()":                                   false,
		"a.exists(b)":                                      true, // empty a is false whatever b is
		"a.where(b).count().exists()":                      false,
	} {
		if got := newDecider(text) != nil; got != want {
			t.Errorf("%s: decided %v, want %v", text, got, want)
		}
	}
}
