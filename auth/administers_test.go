package auth

import "testing"

// An app of an administrator administrates only if it may do all that he may.
func TestAccess_Administers(t *testing.T) {
	for _, c := range []struct {
		scope, user string
		role        Role
		want        bool
	}{
		{"system/*.cruds", "", "", true},
		{"system/*.*", "", "", true},
		{"system/*.cruds", "root", Admin, false},
		{"user/*.cruds", "root", Admin, true},
		{"user/*.cruds", "alice", Practitioner, false},
		{"user/*.cruds", "", Admin, false},
		{"user/*.rs", "root", Admin, false},
		{"user/*.cru user/*.ds", "root", Admin, false},
		{"patient/*.cruds", "root", Admin, false},
		{"user/Patient.cruds", "root", Admin, false},
		{"user/*.cruds?status=final", "root", Admin, false},
		{"", "root", Admin, false},
	} {
		a := Access{Scopes: ParseScopes(c.scope), User: c.user, Role: c.role}
		if a.Administers() != c.want {
			t.Errorf("%+v: %v", c, !c.want)
		}
	}
}
