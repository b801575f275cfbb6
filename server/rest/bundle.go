package rest

import (
	"context"
	"net/http"
	"strconv"

	"vitalwire/fhir"
	"vitalwire/server/interaction"
)

// bundle is the answer to a batch or transaction as JSON: an entry for each that
// was sent, in that order (R4 http §3.1.0.11.4). Stored bodies are copied, not
// parsed. What was written is shown when Prefer: return=representation asks for
// it; what was read always is.
func (s *Server) bundle(ctx context.Context, response interaction.Response, prefer preference) []byte {
	b := []byte(`{"resourceType":"Bundle","type":` + quoted(response.Bundle))
	for i, result := range response.Entries {
		if i == 0 {
			b = append(b, `,"entry":[`...)
		} else {
			b = append(b, ',')
		}
		b = s.appendEntry(ctx, b, result, prefer)
	}
	if len(response.Entries) > 0 {
		b = append(b, ']')
	}
	return append(b, '}')
}

func (s *Server) appendEntry(ctx context.Context, b []byte, result interaction.Result, prefer preference) []byte {
	if result.Err != nil {
		known, outcome := s.explain(ctx, result.Err)
		b = append(b, `{"response":{"status":`+statusLine(statusOf[known.Situation])...)
		if known.ETag != "" {
			b = append(b, `,"etag":`+quoted(known.ETag)...)
		}
		b = append(b, `,"outcome":`...)
		b = append(b, outcome.JSON()...)
		return append(b, `}}`...)
	}
	b = append(b, '{')
	status := http.StatusOK
	v := result.Version
	shown := !result.Head && (!result.Stored || prefer.representation && !result.Mute)
	switch {
	case result.NotModified:
		status = http.StatusNotModified
	case result.Empty(), v != nil && v.Deleted:
		if result.Done == "" || !prefer.outcome {
			status = http.StatusNoContent
		}
	case v != nil:
		if result.Created {
			status = http.StatusCreated
		}
		b = append(b, `"fullUrl":`+quoted(s.Engine.Base+"/"+v.Key.String())+`,`...)
		if shown {
			b = append(b, `"resource":`...)
			b = append(v.AppendJSON(b), ',')
		}
	case shown:
		b = append(b, `"resource":`...)
		b = append(append(b, result.JSON()...), ',')
	}
	b = append(b, `"response":{"status":`+statusLine(status)...)
	if v != nil {
		if result.Stored {
			b = append(b, `,"location":`+quoted(v.Key.String()+"/_history/"+strconv.FormatInt(v.VersionID, 10))...)
		}
		b = append(b, `,"etag":`+quoted(v.ETag())+`,"lastModified":`+quoted(fhir.FormatInstant(v.LastUpdated()))...)
	}
	if (result.Stored || result.Done != "") && prefer.outcome {
		b = append(b, `,"outcome":`...)
		b = append(b, stored(result.Response).JSON()...)
	}
	return append(b, `}}`...)
}

func statusLine(status int) string {
	return quoted(strconv.Itoa(status) + " " + http.StatusText(status))
}

func quoted(text string) string { return string(fhir.AppendString(nil, text)) }
