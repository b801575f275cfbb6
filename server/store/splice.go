package store

import (
	"bytes"
	"strconv"
)

// AppendJSON appends the version's resource as the client sees it: the stored
// body with meta.versionId and meta.lastUpdated put in. The body is copied
// once and not parsed.
func (v Version) AppendJSON(b []byte) []byte {
	head := `{"resourceType":"` + v.Key.Type + `","id":"` + v.Key.ID + `"`
	stamp := `"versionId":"` + strconv.FormatInt(v.VersionID, 10) +
		`","lastUpdated":"` + v.LastUpdated().Format("2006-01-02T15:04:05.000000Z") + `"`
	rest, ok := bytes.CutPrefix(v.Body, []byte(head))
	if !ok {
		// Write demands this form, so a body without it is a broken store.
		panic("store: body of " + v.Key.String() + " does not begin with its identity")
	}
	b = append(b, head...)
	b = append(b, `,"meta":{`...)
	b = append(b, stamp...)
	if more, has := bytes.CutPrefix(rest, []byte(`,"meta":{`)); has {
		b = append(b, ',')
		return append(b, more...)
	}
	b = append(b, '}')
	return append(b, rest...)
}
