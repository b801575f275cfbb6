package template

import (
	"errors"

	"vitalwire/adapters"
)

// maxFrame is the longest input in bytes; a file that is longer is sent in parts.
const maxFrame = 16 << 20

// Adapter is the template as a device language.
func (t *Template) Adapter() adapters.Adapter {
	return adapters.Adapter{
		Name:     t.Name,
		Standard: "template " + t.Name + " " + t.Version + " (" + t.Digest + ")",
		New:      func(adapters.Memory) adapters.Decoder { return decoder{t} },
	}
}

// decoder has no state: every frame says all of itself.
type decoder struct{ template *Template }

// Decode implements adapters.Decoder.
func (d decoder) Decode(f adapters.Frame) (adapters.Result, error) {
	result, err := d.template.decode(f.Bytes, trace{}, true)
	var refused *adapters.Error
	if errors.As(err, &refused) && refused.Unprocessable {
		// Once more with open eyes, to say where.
		if _, again := d.template.decode(f.Bytes, trace{}, false); again != nil {
			return adapters.Result{}, again
		}
	}
	return result, err
}

func (t *Template) decode(frame []byte, tr trace, blind bool) (adapters.Result, error) {
	if len(frame) > maxFrame {
		return adapters.Result{}, refusedAt(0, "a frame is at most %d bytes", maxFrame)
	}
	r, err := t.run(frame, tr, blind)
	if err != nil {
		return adapters.Result{}, err
	}
	reports, err := r.reports()
	if err != nil {
		return adapters.Result{}, err
	}
	if len(reports) == 0 {
		return adapters.Result{}, &adapters.Error{Reason: "no rule of the template made a reading of it", Unprocessable: true}
	}
	return adapters.Result{Reports: reports}, nil
}

// Try says what the template makes of an input, field by field.
func (t *Template) Try(input []byte) Trial {
	trial := Trial{Template: t.Name, Version: t.Version, Digest: t.Digest}
	result, err := t.decode(input, trace{&trial}, false)
	if err != nil {
		trial.Refused = err.Error()
	}
	trial.Reports = result.Reports
	return trial
}
