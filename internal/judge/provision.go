package judge

import (
	"maps"
	"slices"
)

// verdict is what a rule says.
type verdict int

const (
	silent verdict = iota
	permit
	deny
)

// question is whether one resource may be seen by one requester.
type question struct {
	world    World
	resource Resource
	by       Requester
	actors   []string
}

// consent gives what a Consent says.
func (q *question) consent(c Resource, o Options) verdict {
	root, _ := c["provision"].(Resource)
	if root["type"] != nil {
		return q.provision(root)
	}
	// Without a type the root is the policy that is referred to, and its provisions
	// are exceptions to it.
	if v := q.exceptions(root); v != silent {
		return v
	}
	if q.base(c, o) {
		return permit
	}
	return deny
}

func (q *question) base(c Resource, o Options) bool {
	var rules []string
	for _, rule := range codings(c["policyRule"]) {
		rules = append(rules, rule.Code)
	}
	for _, p := range objects(c["policy"]) {
		rules = append(rules, text(p, "uri"))
	}
	for _, rule := range rules {
		switch rule {
		case "OPTIN":
			return true
		case "OPTOUT":
			return false
		case policies + "deny", policies + "all-normal", policies + "basic-normal", policies + "break-glass-only":
			return q.implicit(rule)
		}
	}
	return q.implicit(o.Implicit)
}

// provision gives what a provision says: its exceptions first.
func (q *question) provision(p Resource) verdict {
	if v := q.exceptions(p); v != silent {
		return v
	}
	effect := permit
	if p["type"] == "deny" {
		effect = deny
	}
	if q.matches(p, effect == permit) {
		return effect
	}
	return silent
}

// exceptions are the provisions below one: beside each other a deny wins.
func (q *question) exceptions(p Resource) verdict {
	result := silent
	for _, inner := range objects(p["provision"]) {
		// An exception has all of the outer rule that it does not state itself.
		full := maps.Clone(inner)
		for name, value := range p {
			if _, own := full[name]; !own && name != "provision" && name != "type" {
				full[name] = value
			}
		}
		result = max(result, q.provision(full))
	}
	return result
}

// matches reports whether all elements of a provision hold. Doubt is false for a
// permit and true for a deny.
func (q *question) matches(p Resource, permits bool) bool {
	for name, holds := range map[string]func(any, bool) bool{
		"period":  func(v any, permits bool) bool { return readable(v) && within(v, q.by.Now) || !readable(v) && !permits },
		"actor":   q.actor,
		"action":  q.action,
		"purpose": q.purpose,

		"securityLabel": q.label, "class": q.class, "code": q.code, "dataPeriod": q.dataPeriod, "data": q.data,
	} {
		if value, said := p[name]; said && !holds(value, permits) {
			return false
		}
	}
	return true
}

func (q *question) actor(v any, permits bool) bool {
	return slices.ContainsFunc(objects(v), func(a Resource) bool {
		reference, _ := a["reference"].(Resource)
		key := local(text(reference, "reference"))
		if key == "" {
			return !permits
		}
		role := codings(a["role"])
		isRole := len(role) == 0 || !permits || slices.ContainsFunc(role, func(c Coding) bool {
			return c.System == participation && (c.Code == "IRCP" || c.Code == "PRCP")
		})
		return slices.Contains(q.actors, key) && isRole
	})
}

func (q *question) action(v any, permits bool) bool {
	return slices.ContainsFunc(objects(v), func(concept Resource) bool {
		list := codings(concept)
		return len(list) == 0 && !permits || slices.ContainsFunc(list, func(c Coding) bool {
			if c.System != actions {
				return !permits
			}
			return slices.Contains(q.by.Actions, c.Code)
		})
	})
}

func (q *question) purpose(v any, permits bool) bool {
	return slices.ContainsFunc(flat(v), func(c Coding) bool {
		return slices.ContainsFunc(q.by.Purposes, func(p Coding) bool {
			return subsumes(c, p) || !permits && subsumes(p, c)
		})
	})
}

// implicit is what a policy of IHE PCF says.
func (q *question) implicit(uri string) bool {
	for_ := func(codes ...string) bool {
		return slices.ContainsFunc(q.by.Purposes, func(p Coding) bool {
			return slices.ContainsFunc(codes, func(c string) bool { return subsumes(Coding{actReason, c}, p) })
		})
	}
	normal := q.confidential() <= rank("N")
	switch uri {
	case policies + "all-normal":
		return normal
	case policies + "basic-normal":
		return normal && q.by.Treating && for_("TREAT", "HPAYMT", "HOPERAT", "BTG", "ETREAT")
	case policies + "break-glass-only":
		return normal && q.by.Treating && for_("BTG", "ETREAT")
	}
	return false
}
