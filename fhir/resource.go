package fhir

import "strings"

// Resource is a FHIR resource: a JSON object with a resourceType.
type Resource struct{ root *Element }

// ParseResource reads a resource. The error is a Malformed *Error that says
// where: not JSON, no object, resourceType missing, or an id that R4 forbids.
// Nothing else is checked here. As with ParseElement, data is the resource's
// from then on and must not be changed.
func ParseResource(data []byte) (*Resource, error) {
	root, err := ParseElement(data)
	if err != nil {
		return nil, err
	}
	return AsResource(root)
}

// AsResource takes an element that must be a resource.
func AsResource(root *Element) (*Resource, error) {
	if !root.Is(Object) {
		return nil, Malformed("", "a resource is a JSON object, this is a JSON %s", root.Kind())
	}
	kind := root.Get("resourceType")
	if kind == nil {
		return nil, Malformed("", "resourceType is missing").WithCode(CodeRequired)
	}
	if !kind.Is(String) || !ValidType(kind.text()) {
		return nil, Malformed("resourceType", "resourceType must be the name of a resource type").WithCode(CodeValue)
	}
	if id := root.Get("id"); id != nil && (!id.Is(String) || !ValidID(id.text())) {
		return nil, Malformed(kind.text()+".id", "an id is 1 to 64 of A-Z a-z 0-9 - and .").WithCode(CodeValue)
	}
	if meta := root.Get("meta"); meta != nil && !meta.Is(Object) {
		return nil, Malformed(kind.text()+".meta", "meta is an object").WithCode(CodeStructure)
	}
	return &Resource{root: root}, nil
}

// NewResource makes an empty resource of a type.
func NewResource(typ string) *Resource {
	return &Resource{root: NewObject(S("resourceType", typ))}
}

// Root is the resource's JSON object.
func (r *Resource) Root() *Element { return r.root }

// Type is the resourceType.
func (r *Resource) Type() string { return r.root.Get("resourceType").Text() }

// ID is the logical id, "" when there is none.
func (r *Resource) ID() string { return r.root.Get("id").Text() }

// Key is the type and logical id.
func (r *Resource) Key() Key { return Key{Type: r.Type(), ID: r.ID()} }

// Get is the element of that name at the resource's top, nil when absent.
func (r *Resource) Get(name string) *Element { return r.root.Get(name) }

// Path follows element names from the top; see Element.Path.
func (r *Resource) Path(names ...string) *Element { return r.root.Path(names...) }

// Clone is a deep copy.
func (r *Resource) Clone() *Resource { return &Resource{root: r.root.Clone()} }

// JSON is the compact JSON.
func (r *Resource) JSON() []byte {
	return r.root.AppendJSON(make([]byte, 0, r.root.printed()))
}

// MarshalJSON gives the compact JSON.
func (r *Resource) MarshalJSON() ([]byte, error) { return r.JSON(), nil }

// WithIdentity is a copy with resourceType, id and meta first, that id, and
// without the meta.versionId and meta.lastUpdated the client may have sent:
// those are the server's to give (R4 http §3.1.0.8). The copy shares the
// unchanged elements with r.
func (r *Resource) WithIdentity(id string) *Resource {
	old := r.root.Members()
	members := make([]Member, 0, len(old)+1)
	members = append(members, S("resourceType", r.Type()), S("id", id))
	if meta := r.root.Get("meta"); meta != nil {
		kept := make([]Member, 0, meta.Len())
		for _, m := range meta.Members() {
			if m.Name != "versionId" && m.Name != "lastUpdated" {
				kept = append(kept, m)
			}
		}
		if len(kept) > 0 {
			members = append(members, M("meta", NewObject(kept...)))
		}
	}
	for _, m := range old {
		if m.Name != "resourceType" && m.Name != "id" && m.Name != "meta" {
			members = append(members, m)
		}
	}
	return &Resource{root: NewObject(members...)}
}

// Key names a resource: its type and logical id.
type Key struct{ Type, ID string }

// String is the relative reference Type/id.
func (k Key) String() string { return k.Type + "/" + k.ID }

// ParseKey reads a relative reference "Type/id", with or without a
// "/_history/vid" behind it.
func ParseKey(reference string) (Key, bool) {
	typ, id, ok := strings.Cut(reference, "/")
	if !ok {
		return Key{}, false
	}
	if i := strings.IndexByte(id, '/'); i >= 0 {
		vid, versioned := strings.CutPrefix(id[i:], "/_history/")
		if !versioned || !ValidID(vid) {
			return Key{}, false
		}
		id = id[:i]
	}
	if !ValidType(typ) || !ValidID(id) {
		return Key{}, false
	}
	return Key{Type: typ, ID: id}, true
}

// ValidID reports whether s is an R4 id: [A-Za-z0-9\-\.]{1,64} (R4 datatypes §2.24.0.1).
func ValidID(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !(isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '.') {
			return false
		}
	}
	return true
}

// ValidType reports whether s has the form of a resource type's name.
func ValidType(s string) bool {
	if s == "" || len(s) > 64 || s[0] < 'A' || s[0] > 'Z' {
		return false
	}
	for i := 1; i < len(s); i++ {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || isDigit(c)) {
			return false
		}
	}
	return true
}
