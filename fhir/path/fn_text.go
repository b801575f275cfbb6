package path

import (
	"encoding/base64"
	"encoding/hex"
	"strings"

	"vitalwire/fhir"
)

// textFunction are the string functions of FHIRPath 2.1 that R4's tests use.
func textFunction(name string) (function, bool) {
	switch name {
	case "trim":
		return textChange(func(s string) string { return strings.Trim(s, " \t\r\n\f\v") }), true
	case "split":
		return onText(1, 1, func(s *session, text string, args []string, out []Item) ([]Item, error) {
			if args[0] == "" {
				return append(out, String(text)), nil
			}
			for _, part := range strings.Split(text, args[0]) {
				out = append(out, String(part))
			}
			return out, nil
		}), true
	case "join":
		return function{0, 1, buildJoin}, true
	case "encode", "decode", "escape", "unescape":
		return onText(1, 1, func(s *session, text string, args []string, out []Item) ([]Item, error) {
			result, ok, err := transform(name, text, args[0])
			if err != nil || !ok {
				return out, err
			}
			return s.appendText(out, result)
		}), true
	}
	return function{}, false
}

// buildJoin compiles join(separator) on a list of strings.
func buildJoin(c *compiler, n *node) (callFn, error) {
	separator, err := c.optional(n, 0)
	if err != nil {
		return nil, err
	}
	return func(s *session, f *frame, in, out []Item) ([]Item, error) {
		sep := ""
		if separator != nil {
			var err error
			if sep, _, err = s.str(f, separator); err != nil {
				return nil, err
			}
		}
		if len(in) == 0 {
			return out, nil
		}
		var b strings.Builder
		written := false
		for i := range in {
			text, ok, err := stringOf(&in[i])
			if err != nil {
				return nil, err
			}
			if !ok {
				continue
			}
			if written {
				b.WriteString(sep)
			}
			b.WriteString(text)
			written = true
			if b.Len() > maxText {
				break
			}
		}
		return s.appendText(out, b.String())
	}, nil
}

// transform is encode, decode, escape and unescape. Text that is not of the
// format gives empty; an unknown format is an error.
func transform(verb, text, format string) (string, bool, error) {
	switch verb + " " + format {
	case "encode hex":
		return hex.EncodeToString([]byte(text)), true, nil
	case "encode base64":
		return base64.StdEncoding.EncodeToString([]byte(text)), true, nil
	case "encode urlbase64":
		return base64.URLEncoding.EncodeToString([]byte(text)), true, nil
	case "decode hex":
		b, err := hex.DecodeString(text)
		return string(b), err == nil, nil
	case "decode base64":
		b, err := base64.StdEncoding.DecodeString(text)
		return string(b), err == nil, nil
	case "decode urlbase64":
		b, err := base64.URLEncoding.DecodeString(text)
		return string(b), err == nil, nil
	case "escape html":
		return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;").Replace(text), true, nil
	case "unescape html":
		return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&quot;", `"`, "&#39;", "'", "&apos;", "'", "&amp;", "&").Replace(text), true, nil
	case "escape json":
		quoted := string(fhir.AppendString(nil, text))
		return quoted[1 : len(quoted)-1], true, nil
	case "unescape json":
		result, ok := unescapeJSON(text)
		return result, ok, nil
	}
	return "", false, errAt(Execution, 0, "%s does not know the format %q", verb, clip(format, 40))
}

// unescapeJSON takes the escapes of a JSON string away; other characters, quotes
// too, stay.
func unescapeJSON(text string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			b.WriteByte(text[i])
			continue
		}
		// Read the escape, or a pair of them, as a JSON string of its own.
		n := 2
		if strings.HasPrefix(text[i:], `\u`) {
			n = 6
			if len(text) >= i+12 && text[i+6] == '\\' && (text[i+2] == 'd' || text[i+2] == 'D') {
				n = 12
			}
		}
		if i+n > len(text) {
			return "", false
		}
		e, err := fhir.ParseElement([]byte(`"` + text[i:i+n] + `"`))
		if err != nil {
			return "", false
		}
		b.WriteString(e.Text())
		i += n - 1
	}
	return b.String(), true
}
