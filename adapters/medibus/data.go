package medibus

import (
	"errors"
	"fmt"
	"strings"

	"vitalwire/adapters/acom"
)

// coded is what a code of a page means.
type coded struct {
	typ     acom.Code
	codings []acom.Coding
	unit    *acom.Coding
}

// page is a table of codes.
type page struct {
	name     string
	number   int // in paths
	category string
	codes    map[byte]code
}

// of is what a code of the page means, as far as it is known.
func (p page) of(b byte) coded {
	known := p.codes[b]
	return coded{known.mdc, []acom.Coding{{System: system + p.name, Code: hexDigits(b), Display: known.name}}, known.unit}
}

// records cuts data into fields of one width that begin with a code.
func records(a answer, width int, each func(code byte, field string)) error {
	var seen [256]bool
	rest := a.data
	for ; len(rest) >= width; rest = rest[width:] {
		n, ok := hex(rest[:2])
		if !ok {
			return errors.New("a code is no two hex digits")
		}
		if !seen[n] {
			seen[n] = true
			each(byte(n), rest[2:width])
		}
	}
	if rest != "" {
		return fmt.Errorf("%d bytes are left over after fields of %d", len(rest), width)
	}
	return nil
}

// value is a field as a number.
func value(field string, c coded) acom.Value {
	n, ok := decimal(field)
	switch {
	case ok:
		return acom.Value{Number: &acom.Number{Text: n}, Foreign: c.unit}
	case strings.TrimSpace(field) == "":
		return acom.Value{Absent: acom.AbsentTemporarily}
	}
	return acom.Value{Absent: acom.AbsentError}
}

// measured reads values: two digits of code, four of value.
func (r *reader) measured(a answer, p page) error {
	return records(a, 6, func(code byte, field string) {
		c := p.of(code)
		r.add(p, code, acom.Numeric, c, value(field, c))
	})
}

// settings reads what the device is set to: two digits of code, five of value.
func (r *reader) settings(a answer) error {
	return records(a, 7, func(code byte, field string) {
		c := pageSettings.of(code)
		r.add(pageSettings, code, acom.Numeric, c, value(field, c))
	})
}

func (r *reader) add(p page, code byte, kind acom.Kind, c coded, v acom.Value) {
	if len(r.report.Measurements) >= most {
		if !r.full {
			r.full = true
			r.skip(0, "more values than a device has")
		}
		return
	}
	o := r.object(p, code, kind, c)
	setting := p.category == "setting"
	r.report.Measurements = append(r.report.Measurements, acom.Measurement{Kind: kind, Type: c.typ, Time: r.said, Value: v, Setting: setting,
		Metric: &acom.Metric{Path: o.Path, Codings: o.Codings, Therapy: setting}})
}

// limits reads at what values the device gives alarm. They are the metric's.
func (r *reader) limits(a answer, p page, low bool) error {
	return records(a, 6, func(code byte, field string) {
		n, ok := decimal(field)
		if !ok {
			return
		}
		o := r.object(p, code, acom.Numeric, p.of(code))
		if o.Limits == nil {
			o.Limits = &acom.Range{}
		}
		if low {
			o.Limits.Low = n
		} else {
			o.Limits.High = n
		}
	})
}

// texts reads messages: two digits of code, a length from 0x30, the text, ETX.
func (r *reader) texts(a answer) error {
	const etx = "\x03"
	var seen [256]bool
	rest := a.data
	for rest != "" {
		if len(rest) < 3 {
			return errors.New("a text message is not whole")
		}
		n, ok := hex(rest[:2])
		end := 3 + int(rest[2]) - 0x30
		if !ok || end < 3 || len(rest) < end || !strings.HasPrefix(rest[end:], etx) {
			return errors.New("a text message is not whole")
		}
		if text := strings.TrimSpace(rest[3:end]); !seen[n] {
			seen[n] = true
			if text == "" {
				text = pageTexts.codes[byte(n)].name
			}
			v := acom.Value{Text: text}
			if text == "" {
				v.Absent = acom.AbsentUnknown
			}
			r.add(pageTexts, byte(n), acom.StringEvent, pageTexts.of(byte(n)), v)
		}
		rest = rest[end+1:]
	}
	return nil
}

// identified reads what the device is: four digits, its name in apostrophes, revision.
func (r *reader) identified(a answer) error {
	if len(a.data) < 4 {
		return errors.New("the identification is not whole")
	}
	id := identity{ID: strings.TrimSpace(a.data[:4])}
	if parts := strings.SplitN(a.data[4:], "'", 3); len(parts) == 3 {
		id.Name, id.Revision = short(parts[1]), short(parts[2])
	}
	r.keep("id", id)
	return nil
}

func short(text string) string {
	text = strings.TrimSpace(text)
	return text[:min(len(text), 40)]
}

// hexDigits writes a code as the device does.
func hexDigits(b byte) string {
	const digits = "0123456789ABCDEF"
	return string([]byte{digits[b>>4], digits[b&0xF]})
}
