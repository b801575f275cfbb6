package ingest

import (
	"encoding/base64"
	"fmt"

	"vitalwire/adapters"
	"vitalwire/fhir"
	"vitalwire/server/store"
)

// Receipt tells what became of a frame.
type Receipt struct {
	Readings []Reading
	// Reply is what the device waits for, nil when nothing.
	Reply []byte
	// Skipped are records of the frame that gave no reading, each with why.
	Skipped []adapters.Skip
}

// Reading is one Observation made or found, or one report put in quarantine.
type Reading struct {
	Created    bool           // false: the same reading was there already
	Version    *store.Version // of the Observation, nil when in quarantine
	Quarantine string         // id in GET /ingest/quarantine, or ""
	Refused    bool           // the patient does not agree to its being collected; it is not stored
	write      int            // index of the planned write, -1 for none
}

func (r *Receipt) add(reading Reading) { r.Readings = append(r.Readings, reading) }

// Created reports whether the frame made an Observation.
func (r *Receipt) Created() bool {
	for _, reading := range r.Readings {
		if reading.Created && reading.Version != nil {
			return true
		}
	}
	return false
}

// Waits reports whether readings are in quarantine.
func (r *Receipt) Waits() bool {
	for _, reading := range r.Readings {
		if reading.Quarantine != "" {
			return true
		}
	}
	return false
}

// Bundle is the receipt as a transaction-response: an entry for each
// Observation, with 201 when it was made and 200 when it was there; 202 for what
// waits for a patient; 422 for a record that gave no reading; last, when the device waits for a reply, the reply's
// bytes as a Binary.
func (r *Receipt) Bundle(base string) *fhir.Resource {
	entries := fhir.NewArray()
	for _, reading := range r.Readings {
		entries.Append(reading.entry(base))
	}
	for _, skip := range r.Skipped {
		entries.Append(fhir.NewObject(fhir.M("response", fhir.NewObject(fhir.S("status", "422 Unprocessable Entity"),
			fhir.M("outcome", note(fhir.CodeInvalid, fmt.Sprintf("the record at byte %d was skipped: %s", skip.Offset, skip.Reason)))))))
	}
	if r.Reply != nil {
		binary := fhir.NewResource("Binary")
		binary.Root().Set("contentType", fhir.NewString("application/octet-stream"))
		binary.Root().Set("data", fhir.NewString(base64.StdEncoding.EncodeToString(r.Reply)))
		entries.Append(fhir.NewObject(fhir.M("resource", binary.Root()),
			fhir.M("response", fhir.NewObject(fhir.S("status", "200 OK"),
				fhir.M("outcome", note(fhir.CodeInformational, "reply for the device; send these bytes to it"))))))
	}
	bundle := fhir.NewResource("Bundle")
	bundle.Root().Set("type", fhir.NewString("transaction-response"))
	if entries.Len() > 0 {
		bundle.Root().Set("entry", entries)
	}
	return bundle
}

// Sealed is the receipt for who may not know what is here: it says that the frame is
// stored, the same whether there is a patient, and what the device waits for.
func (r *Receipt) Sealed() *fhir.Resource {
	stored := Receipt{Reply: r.Reply, Skipped: r.Skipped}
	bundle := stored.Bundle("")
	entries := fhir.NewArray(fhir.NewObject(fhir.M("response", fhir.NewObject(fhir.S("status", "202 Accepted"),
		fhir.M("outcome", note(fhir.CodeInformational, "the frame is stored"))))))
	for _, reply := range bundle.Get("entry").Items() {
		entries.Append(reply)
	}
	bundle.Root().Set("entry", entries)
	return bundle
}

func (r Reading) entry(base string) *fhir.Element {
	if r.Refused {
		return fhir.NewObject(fhir.M("response", fhir.NewObject(fhir.S("status", "403 Forbidden"),
			fhir.M("outcome", note(fhir.CodeForbidden, "the patient does not agree to this being collected; it is not stored")))))
	}
	if r.Quarantine != "" {
		text := "no patient is associated with the device at the reading's time; it waits in quarantine as " + r.Quarantine
		if !r.Created {
			text = "the same reading waits in quarantine already, as " + r.Quarantine
		}
		return fhir.NewObject(fhir.M("response", fhir.NewObject(fhir.S("status", "202 Accepted"),
			fhir.M("outcome", note(fhir.CodeInformational, text)))))
	}
	v := r.Version
	status := "201 Created"
	response := fhir.NewObject()
	if !r.Created {
		status = "200 OK"
	}
	response.Set("status", fhir.NewString(status))
	response.Set("location", fhir.NewString(base+"/"+v.Key.String()+"/_history/"+versionText(v.VersionID)))
	response.Set("etag", fhir.NewString(v.ETag()))
	response.Set("lastModified", fhir.NewString(fhir.FormatInstant(v.LastUpdated())))
	if !r.Created {
		response.Set("outcome", note(fhir.CodeDuplicate, "the same reading was there already; nothing new was created"))
	}
	return fhir.NewObject(fhir.S("fullUrl", base+"/"+v.Key.String()), fhir.M("response", response))
}

func note(code fhir.Code, text string) *fhir.Element {
	return fhir.Outcome([]fhir.Issue{{Severity: fhir.Information, Code: code, Text: text}}).Root()
}
