package term

import (
	"fmt"

	"vitalwire/fhir"
)

// wrongDisplay is how bad a wrong display is (parameter
// lenient-display-validation).
func (s *session) wrongDisplay() fhir.Severity {
	if s.lenientDisplay {
		return fhir.Warning
	}
	return fhir.ErrorLevel
}

const (
	displayWrong      = "Display_Name_for__should_be_one_of__instead_of"
	displayWhitespace = "Display_Name_WS_for__should_be_one_of__instead_of"
)

// displayText says which displays are right.
func (s *session) displayText(m match, system string, c coding, f *found, n int) (id, text string) {
	id, what := displayWrong, "Wrong Display Name"
	if m == whitespace {
		id, what = displayWhitespace, "Wrong whitespace in Display Name"
	}
	valid := "Valid display is "
	if n > 1 {
		valid = fmt.Sprintf("Valid display is one of %d choices: ", n)
	}
	return id, fmt.Sprintf("%s '%s' for %s#%s. %s%s (for the language(s) '%s')",
		what, c.display, system, c.code, valid, f.texts.present(s.wanted()), s.wanted().summary())
}

// checkDisplay checks the display of a coding that is in the value set.
func (s *session) checkDisplay(a *answer, f *found, c coding, at string) {
	if c.system == "" {
		c.system = a.implied
	}
	langs := s.wanted()
	i := issue{severity: s.wrongDisplay(), code: fhir.CodeInvalid, detail: "invalid-display", path: path(at, "display")}
	m := f.texts.check(c.display, langs, nil, false)
	if m == agrees {
		if f.texts.check(c.display, langs, nil, true) != agrees {
			s.retiredDisplay(a, f, c, at)
		}
		return
	}
	n := f.texts.count(langs, true)
	if n == 0 {
		i.severity = fhir.Warning
		n = f.texts.count(langs, false)
	}
	if n > 0 {
		i.id, i.text = s.displayText(m, c.system, c, f, n)
		a.say(i)
		return
	}
	// There is no text in the wished language; one in the language of the code
	// system will do.
	if f.texts.check(c.display, langs, f.lang, false) == agrees || f.lang == nil && f.texts.check(c.display, nil, nil, false) == agrees {
		i.severity, i.id = fhir.Information, "NO_VALID_DISPLAY_FOUND_NONE_FOR_LANG_OK"
		i.text = fmt.Sprintf("There are no valid display names found for the code %s#%s for language(s) '%s'. The display is '%s' which is a valid display for the default language",
			c.system, c.code, langs.summary(), c.display)
		a.say(i)
		return
	}
	i.severity, i.id = s.wrongDisplay(), "NO_VALID_DISPLAY_FOUND_NONE_FOR_LANG_ERR"
	standard := ""
	if d := f.texts.preferred(nil); d != nil {
		standard = d.value
	}
	i.text = fmt.Sprintf("Wrong Display Name '%s' for %s#%s. There are no valid display names found for language(s) '%s'. Default display is '%s'",
		c.display, c.system, c.code, langs.summary(), standard)
	a.say(i)
}

// retiredDisplay says that a display is one that is no longer right.
func (s *session) retiredDisplay(a *answer, f *found, c coding, at string) {
	status, right := "", ""
	for i := range f.texts {
		d := &f.texts[i]
		if status == "" && d.value == c.display {
			status = d.status
		}
		if right == "" && d.active() && d.displays() {
			right = d.value
		}
	}
	a.issues.add(issue{severity: fhir.Warning, code: fhir.CodeInvalid, detail: "display-comment", id: "INACTIVE_DISPLAY_FOUND",
		path: path(at, "display"),
		text: fmt.Sprintf("'%s' is no longer considered a correct display for code '%s' (status = %s). The correct display is one of \"%s\".",
			c.display, c.code, status, right)})
}

// checkOtherDisplay checks the display of a coding that is not in the value set
// against its code system.
func (s *session) checkOtherDisplay(a *answer, f *found, v *view, c coding, at string) {
	langs := s.wanted()
	lang := f.lang
	if lang == nil {
		lang = v.lang
	}
	m := f.texts.check(c.display, langs, lang, false)
	if m == agrees {
		return
	}
	i := issue{severity: s.wrongDisplay(), code: fhir.CodeInvalid, detail: "invalid-display", path: path(at, "display")}
	if n := f.texts.count(langs, true); n > 0 {
		i.id, i.text = s.displayText(m, v.url, c, f, n)
	} else {
		i.severity, i.id = fhir.Warning, "NO_VALID_DISPLAY_AT_ALL"
		i.text = fmt.Sprintf("Cannot validate display Name '%s' for %s#%s: No valid display names are known", c.display, v.url, c.code)
	}
	a.say(i)
}
