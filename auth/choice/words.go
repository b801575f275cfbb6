package choice

import (
	"slices"
	"strings"
	"time"

	"vitalwire/auth/consent"
	"vitalwire/fhir"
)

// Names gives the name of a resource for people; "" when there is none.
type Names func(fhir.Key) string

func (n Names) of(key fhir.Key) string {
	if n != nil {
		if name := n(key); name != "" {
			return name
		}
	}
	return key.String()
}

// kindWords are the sensitivities of v3-ActCode that people know.
var kindWords = map[string]string{
	"ETH": "alcohol and drugs", "SUD": "alcohol and drugs", "ETHUD": "alcohol", "OPIOIDUD": "drugs", "PSY": "mental health (psychiatry)", "PSYTHPN": "notes of psychotherapy", "SDV": "abuse and violence", "HIV": "HIV and AIDS",
	"STD": "sexually transmitted diseases", "SEX": "sexuality and reproduction", "GDIS": "inherited diseases", "SICKLE": "sickle cell disease", "TBOO": "matters that are taboo", "VIP": "persons of public interest",
}

// String is the kind in words.
func (k Kind) String() string { return labelWord(k.Coding) }

func labelWord(c consent.Coding) string {
	switch word := kindWords[c.Code]; {
	case c.System == consent.ActCode && word != "":
		return word
	case c.System == consent.Confidentiality:
		if word := confidentiality[c.Code]; word != "" {
			return word
		}
	}
	return "what is marked " + c.Code
}

var confidentiality = map[string]string{
	"U": "what is not confidential", "L": "what is little confidential", "M": "what is moderately confidential", "N": "what is normally confidential",
	"R": "what is especially confidential", "V": "what is most confidential",
}

// purposeWords are codes of v3-ActReason.
var purposeWords = map[string]string{
	"TREAT": "treatment", "ETREAT": "treatment in an emergency", "BTG": "an emergency, by breaking the glass", "HPAYMT": "payment", "HOPERAT": "running the house",
	"HRESCH": "research", "PATRQT": "a request of yours, or of who acts for you", "FAMRQT": "a request of your family", "HMARKT": "marketing", "PUBHLTH": "public health", "CAREMGT": "care management",
	"CLINTRCH": "clinical trials", "HDIRECT": "a directory", "HLEGAL": "legal matters", "HSYSADMIN": "administration of systems", "PATADMIN": "administration of patients", "COVERAGE": "insurance",
}

// Purpose is a code of v3-ActReason in words.
func Purpose(code string) string {
	if word := purposeWords[code]; word != "" {
		return word
	}
	return "the purpose " + code
}

// Words are the choices as sentences to the patient.
func (c Choices) Words(kinds []Kind, names Names) []string {
	var said []string
	say := func(parts ...string) { said = append(said, strings.Join(parts, "")) }
	named := func(list []fhir.Key) string {
		var words []string
		for _, key := range keys(list) {
			words = append(words, names.of(key))
		}
		return join(words, "and")
	}
	switch c.Who {
	case Everybody:
		say("Everybody who treats you may see your data.")
	case Named:
		say("Of those who treat you, only ", named(c.Alone), " may see your data.")
	case Nobody:
		say("Nobody who treats you may see your data.")
	}
	var kept, open []string
	for _, k := range kinds {
		if c.keeps(k.Coding) {
			kept = append(kept, k.String())
		} else {
			open = append(open, k.String())
		}
	}
	if c.Who != Nobody || c.Running || c.Acting {
		if len(kept) > 0 {
			say("Kept back from them: what is about ", join(kept, "and"), ".")
		}
		if len(open) > 0 {
			say("They may see, too, what is about ", join(open, "and"), ".")
		}
		if c.Restricted {
			say("They may see, too, what is marked as especially confidential for another reason.")
		} else {
			say("Kept back, too: what is marked as especially confidential for another reason.")
		}
	}
	if len(c.Barred) > 0 {
		say("In no case, also not in an emergency: ", named(c.Barred), ".")
	}
	say(either(c.Running, "Your data may be used", "Your data may not be used"), " for payment and to run the house.")
	say(either(c.Acting, "People who act for you, such as your parents or a guardian, may see it.", "People who act for you, such as your parents or a guardian, may not see it."))
	say(either(c.Research, "Your data that is not especially confidential may be used for research.", "Your data may not be used for research."))
	say(either(c.Glass, "In an emergency, who has the right to break the glass and gives a reason may see everything.", "In an emergency, breaking the glass shows nothing more than what is said above."))
	say(either(c.Silent, "Nothing more that devices or people measure is to be recorded.", "What devices measure goes on being recorded."))
	if c.End != "" {
		say("This holds until ", date(c.End), ".")
	}
	return said
}

func either(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

// date is a day as it is read.
func date(text string) string {
	if at, err := time.Parse(time.DateOnly, text); err == nil {
		return at.Format("2 January 2006")
	}
	return text
}

// join lists words.
func join(words []string, last string) string {
	switch n := len(words); n {
	case 0:
		return ""
	case 1:
		return words[0]
	default:
		return strings.Join(words[:n-1], ", ") + " " + last + " " + words[n-1]
	}
}

// Rule is a provision of a Consent in words, and how deep it stands.
type Rule struct {
	Depth int
	Text  string
}

// Rules are the provisions of a Consent in words, outer ones before those that are
// exceptions of them.
func Rules(p *consent.Policy, names Names) []Rule {
	var said []Rule
	if p.Root.Effect == consent.Unset {
		text := "What is not said below goes by the policy " + join(p.Rules, "and") + "."
		switch {
		case slices.Contains(p.Rules, "OPTIN"):
			text = "Everybody may see everything."
		case slices.Contains(p.Rules, "OPTOUT"):
			text = "Nobody may see anything."
		case len(p.Rules) == 0:
			text = "What is not said below goes by what holds without a consent."
		}
		said = append(said, Rule{0, text})
		for i := range p.Root.Provisions {
			said = below(said, &p.Root.Provisions[i], 1, names)
		}
		return said
	}
	return below(said, &p.Root, 0, names)
}

func below(said []Rule, p *consent.Provision, depth int, names Names) []Rule {
	said = append(said, Rule{depth, either(depth > 0, "But: ", "") + sentence(p, names)})
	for i := range p.Provisions {
		said = below(said, &p.Provisions[i], depth+1, names)
	}
	return said
}

// sentence is a provision without its exceptions.
func sentence(p *consent.Provision, names Names) string {
	var who, actions []string
	for _, a := range p.Actors {
		switch {
		case a.Key != fhir.Key{}:
			who = append(who, names.of(a.Key))
		case a.Identifier.Value != "":
			who = append(who, "who has the identifier "+a.Identifier.Value)
		default:
			who = append(who, "somebody who is not known here")
		}
	}
	for _, a := range p.Actions {
		actions = append(actions, map[string]string{"collect": "record", "access": "see", "use": "use", "disclose": "pass on", "correct": "correct"}[a.Code])
	}
	verb := join(slices.DeleteFunc(actions, func(s string) bool { return s == "" }), "or")
	if verb == "" {
		verb = either(len(p.Actions) > 0, "do something that is not known here with", "see")
	}
	permit := p.Effect == consent.Permit
	whom := join(who, either(permit, "and", "or"))
	text := ""
	switch {
	case permit && whom == "":
		text = "it is allowed to " + verb
	case permit:
		text = whom + " may " + verb
	case whom == "":
		text = "it is forbidden to " + verb
	default:
		text = whom + " may not " + verb
	}
	if about := subject(p, names); about != "" {
		text += " " + about
	} else {
		text += " all data"
	}
	var why []string
	for _, c := range p.Purposes {
		why = append(why, Purpose(c.Code))
	}
	if len(why) > 0 {
		text += ", for " + join(why, "and")
	}
	if p.Period != nil {
		text += span(", from ", ", until ", p.Period)
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// subject is what of the data a provision is about.
func subject(p *consent.Provision, names Names) string {
	var parts []string
	each := func(of []consent.Coding, say func(consent.Coding) string) {
		var words []string
		for _, c := range of {
			words = append(words, say(c))
		}
		if len(words) > 0 {
			parts = append(parts, join(words, "or"))
		}
	}
	each(p.Labels, func(c consent.Coding) string {
		if c.System == consent.ActCode && kindWords[c.Code] != "" {
			return "what is about " + labelWord(c)
		}
		if c.System == consent.Confidentiality && p.Effect == consent.Permit {
			return "what is no more than " + strings.TrimPrefix(labelWord(c), "what is ")
		}
		return labelWord(c)
	})
	each(p.Classes, func(c consent.Coding) string { return "records of the type " + c.Code })
	each(p.Codes, func(c consent.Coding) string { return "records with the code " + c.Code })
	var data []string
	for _, d := range p.Data {
		name := names.of(d.Key)
		data = append(data, map[string]string{"instance": name, "related": name + " and what belongs to it", "dependents": name + " and what refers to it", "authoredby": "what " + name + " made"}[d.Meaning])
	}
	if len(data) > 0 {
		parts = append(parts, join(data, "or"))
	}
	if p.DataPeriod != nil {
		parts = append(parts, strings.TrimPrefix(span(" from ", " until ", p.DataPeriod), " "))
	}
	return strings.Join(parts, ", ")
}

// Until is the end of a Consent in words; "" when it has none.
func Until(p *consent.Policy) string {
	if p.Root.Period == nil {
		return ""
	}
	return strings.TrimPrefix(span(" from ", " until ", p.Root.Period), " ")
}

func span(from, until string, p *consent.Period) string {
	const shape = "2 January 2006"
	text := ""
	if p.From.Year() > 9999 {
		return from + "a day that cannot be read"
	}
	if !p.From.IsZero() {
		text += from + p.From.UTC().Format(shape)
	}
	if !p.To.IsZero() {
		text += until + p.To.Add(-time.Second).UTC().Format(shape) // the first moment after it
	}
	return text
}
