package validate

import (
	"strings"

	"vitalwire/fhir"
)

// native are constraints of R4 written out in Go because they stand on every
// Reference or Period, or go through a whole Bundle. Each answers what its
// expression does, or asks; a test compares them.
func native(expression string) func(r *run, el *fhir.Element) verdict {
	switch expression {
	case "reference.startsWith('#').not() or (reference.substring(1).trace('url') in %rootResource.contained.id.trace('ids'))":
		return nativeRef1
	case "start.hasValue().not() or end.hasValue().not() or (start <= end)":
		return nativePer1
	case "fullUrl.contains('/_history/').not()":
		return nativeBdl8
	case "entry.all(request.exists() = (%resource.type = 'batch' or %resource.type = 'transaction' or %resource.type = 'history'))":
		return nativeEntries("request", "batch", "transaction", "history")
	case "entry.all(response.exists() = (%resource.type = 'batch-response' or %resource.type = 'transaction-response' or %resource.type = 'history'))":
		return nativeEntries("response", "batch-response", "transaction-response", "history")
	case "(type = 'history') or entry.where(fullUrl.exists()).select(fullUrl&resource.meta.versionId).isDistinct()":
		return nativeBdl7
	}
	return nil
}

func truthOf(ok bool) verdict {
	if ok {
		return holds
	}
	return broken
}

func nativeRef1(r *run, el *fhir.Element) verdict {
	ref := el.Get("reference")
	switch {
	case ref == nil && el.Get("_reference") == nil:
		return holds
	case !ref.Is(fhir.String) || ref.Text() == "#":
		return asks
	case !strings.HasPrefix(ref.Text(), "#"):
		return holds
	}
	return truthOf(r.inside(r.stack[r.containerFrame()].el)[ref.Text()[1:]] != nil)
}

// nativePer1 compares dates written with the same precision and offset.
func nativePer1(_ *run, el *fhir.Element) verdict {
	start, end := el.Get("start"), el.Get("end")
	if start == nil || end == nil {
		return holds
	}
	if !start.Is(fhir.String) || !end.Is(fhir.String) || checkDateTime(start.Text()) != "" || checkDateTime(end.Text()) != "" {
		return asks
	}
	a, b := start.Text(), end.Text()
	if len(a) != len(b) {
		return asks
	}
	if len(a) > 10 {
		n := len(a) - 1
		if a[n] != 'Z' {
			n -= 5
		}
		if n < 19 || a[n:] != b[n:] || a[17:19] == "60" || b[17:19] == "60" {
			return asks
		}
	}
	return truthOf(a <= b)
}

func nativeBdl8(_ *run, el *fhir.Element) verdict {
	url := el.Get("fullUrl")
	switch {
	case url == nil && el.Get("_fullUrl") == nil:
		return holds
	case !url.Is(fhir.String):
		return asks
	}
	return truthOf(!strings.Contains(url.Text(), "/_history/"))
}

// nativeEntries demands that every entry has a member exactly when the Bundle
// is of one of the types.
func nativeEntries(name string, types ...string) func(*run, *fhir.Element) verdict {
	under := "_" + name
	return func(_ *run, el *fhir.Element) verdict {
		typ := el.Get("type")
		if !typ.Is(fhir.String) {
			return asks
		}
		want := false
		for _, t := range types {
			want = want || t == typ.Text()
		}
		entries := el.Get("entry")
		if entries != nil && !entries.Is(fhir.Array) {
			return asks
		}
		for i := range entries.Len() {
			e := entries.At(i)
			v := e.Get(name)
			if e.Kind() != fhir.Object || v != nil && v.Kind() != fhir.Object || e.Get(under) != nil {
				return asks
			}
			if (v != nil) != want {
				return broken
			}
		}
		return holds
	}
}

func nativeBdl7(_ *run, el *fhir.Element) verdict {
	typ := el.Get("type")
	if !typ.Is(fhir.String) {
		return asks
	}
	if typ.Text() == "history" {
		return holds
	}
	entries := el.Get("entry")
	if entries != nil && !entries.Is(fhir.Array) {
		return asks
	}
	seen := make(map[[2]string]struct{}, entries.Len())
	for i := range entries.Len() {
		e := entries.At(i)
		url, version := e.Get("fullUrl"), e.Get("resource").Get("meta").Get("versionId")
		switch {
		case e.Kind() != fhir.Object || url != nil && !url.Is(fhir.String) || version != nil && !version.Is(fhir.String) || e.Get("_fullUrl") != nil:
			return asks
		case url == nil:
			continue
		}
		key := [2]string{url.Text(), version.Text()}
		if _, twice := seen[key]; twice {
			return broken
		}
		seen[key] = struct{}{}
	}
	return holds
}
