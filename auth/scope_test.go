package auth

import (
	"strings"
	"testing"
)

// SMART 2.2, scopes for requesting FHIR resources; Z9: what is out of order or
// unknown is never read as another scope.
func TestSMART22_ScopeSyntax(t *testing.T) {
	good := map[string]string{ // text: as written back
		"system/Observation.rs":                          "",
		"system/*.cruds":                                 "",
		"patient/Observation.rs?category=vital-signs":    "",
		"user/Condition.c":                               "",
		"system/Observation.read":                        "",
		"system/*.write":                                 "",
		"user/*.*":                                       "",
		"patient/Observation.rs?category=a%7Cb&status=f": "",
	}
	for text := range good {
		if s, ok := ParseScope(text); !ok || s.String() != text {
			t.Errorf("%s: %v %v", text, s, ok)
		}
	}
	for _, text := range []string{
		"", "openid", "launch/patient", "system/Observation", "system/Observation.", "system/Observation.sr", "system/Observation.dus",
		"system/Observation.rr", "system/Observation.rx", "system/Observation.Read", "patient/observation.read", "System/Observation.rs",
		"system/Resource.rs", "system/DomainResource.rs", "system/Obs*.rs", "system//Observation.rs", "system/Observation.rs?",
		"system/Observation.read?status=final", "system/Observation.rs%3Fstatus=final", "system/Observation.rs?%zz", "system/Observation.rѕ",
		"system/Observation.rs ", " system/Observation.rs", "system/Observation.rs.rs", "practitioner/Observation.rs", "*/*.cruds",
	} {
		if s, ok := ParseScope(text); ok {
			t.Errorf("%q was read as %v", text, s)
		}
	}
}

func TestSMART22_ScopeRights(t *testing.T) {
	for _, c := range []struct {
		scopes, typ string
		rights      Right
		want        bool
	}{
		{"system/Observation.rs", "Observation", Read, true},
		{"system/Observation.rs", "Observation", Read | Search, true},
		{"system/Observation.rs", "Patient", Read, false},
		{"system/Observation.rs", "*", Read, false},
		{"system/Observation.read", "Observation", Search, true},
		{"system/Observation.read", "Observation", Update, false},
		{"system/Observation.write", "Observation", Create | Update | Delete, true},
		{"system/Observation.write", "Observation", Read, false},
		{"system/*.r", "Patient", Read, true},
		{"system/*.r", "*", Read, true},
		{"system/*.r", "Patient", Search, false},
		{"system/Observation.r system/*.s", "Observation", Read | Search, true},
		{"", "Observation", Read, false},
		{"system/*.cruds", "Observation", 0, false},
	} {
		if got := ParseScopes(c.scopes).Allow(c.typ, c.rights); got != c.want {
			t.Errorf("%q allows %v on %s: %v", c.scopes, c.rights, c.typ, got)
		}
	}
}

// What is granted lies inside both what was asked for and what is registered.
func TestSMART22_GrantedScopesAreNeverWider(t *testing.T) {
	for _, c := range []struct{ asked, registered, want string }{
		{"system/Observation.rs", "system/*.cruds", "system/Observation.rs"},
		{"system/*.rs", "system/Observation.rs system/Device.cu", "system/Observation.rs"},
		{"system/*.cruds", "system/Observation.c system/Device.cu", "system/Observation.c system/Device.cu"},
		{"system/Observation.read", "system/*.read", "system/Observation.read"},
		{"system/Observation.*", "system/Observation.rs", "system/Observation.read"},
		{"system/Observation.rs", "patient/Observation.rs user/*.cruds", ""},
		{"system/Observation.rs", "system/Observation.rs?status=final", ""},
		{"system/Observation.rs?status=final", "system/Observation.rs", "system/Observation.rs?status=final"},
		{"system/*.rs system/Observation.r", "system/*.cruds", "system/*.rs"},
		{"openid fhirUser launch", "system/*.cruds", ""},
	} {
		if got := ParseScopes(c.asked).Within(ParseScopes(c.registered)).String(); got != c.want {
			t.Errorf("%q within %q: %q, want %q", c.asked, c.registered, got, c.want)
		}
	}
}

func FuzzParseScope(f *testing.F) {
	for _, text := range []string{"system/Observation.rs", "patient/*.cruds?x=y", "user/Patient.read", "system/Observation.dus"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, ok := ParseScope(text)
		if !ok {
			return
		}
		if s.Rights == 0 || strings.ContainsAny(s.Type, " /.?") {
			t.Fatalf("%q gave %+v", text, s)
		}
		if again, ok := ParseScope(s.String()); !ok || again != s {
			t.Fatalf("%q is written %q, which is read as %+v", text, s, again)
		}
	})
}
