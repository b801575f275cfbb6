package phd20601

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
)

// assertion checks one member of asserted_by_source.
type assertion func(want any, v vector, a apdu, r adapters.Result) error

func same(got, want any) error {
	if fmt.Sprint(got) != fmt.Sprint(want) {
		return fmt.Errorf("got %v, want %v", got, want)
	}
	return nil
}

func amountOf(r adapters.Result, index, part int) (string, error) {
	if len(r.Reports) != 1 || index >= len(r.Reports[0].Measurements) {
		return "", fmt.Errorf("no measurement %d", index)
	}
	m := r.Reports[0].Measurements[index]
	if part >= 0 {
		return m.Components[part].Value.Number.Text, nil
	}
	return m.Value.Number.Text, nil
}

func measuredAs(index, part int) assertion {
	return func(want any, _ vector, _ apdu, r adapters.Result) error {
		got, err := amountOf(r, index, part)
		if err != nil {
			return err
		}
		return same(got, want)
	}
}

func ofRequest(read func(associationRequest) any) assertion {
	return func(want any, _ vector, a apdu, _ adapters.Result) error { return same(read(*a.aarq), want) }
}

func ofInfo(read func(associationInfo) any) assertion {
	return func(want any, _ vector, a apdu, _ adapters.Result) error {
		return same(read(*a.aarq.protos[0].info), want)
	}
}

func ofDevice(read func(acom.Device) any) assertion {
	return func(want any, _ vector, _ apdu, r adapters.Result) error {
		return same(read(r.Reports[0].Device), want)
	}
}

// names in the files for codes of 11073-10101.
var mdc = map[string]uint16{"MDC_MASS_BODY_ACTUAL": 57664, "MDC_BODY_FAT": 57676, "MDC_DIM_KILO_G": 1731, "MDC_DIM_PERCENT": 544,
	"MDC_ATTR_NU_VAL_OBS_SIMP": 2646, "MDC_ATTR_TIME_STAMP_ABS": 2448, "MDC_DEV_SPEC_PROFILE_SCALE": 4111, "MDC_DEV_SPEC_PROFILE_BP": 4103}

var assertions = map[string]assertion{
	"length":               func(want any, _ vector, a apdu, _ adapters.Result) error { return same(a.length, want) },
	"prst_length":          func(want any, _ vector, a apdu, _ adapters.Result) error { return same(a.length-2, want) },
	"assoc_version":        ofRequest(func(q associationRequest) any { return hex32(q.version) }),
	"data_proto_count":     ofRequest(func(q associationRequest) any { return len(q.protos) }),
	"data_proto_id":        ofRequest(func(q associationRequest) any { return q.protos[0].id }),
	"data_proto_length":    func(want any, v vector, a apdu, _ adapters.Result) error { return same(a.length-8, want) },
	"info_length":          func(want any, v vector, a apdu, _ adapters.Result) error { return same(a.length-12, want) },
	"protocol_version":     ofInfo(func(i associationInfo) any { return hex32(i.protocolVersion) }),
	"encoding_rules":       ofInfo(func(i associationInfo) any { return hex16(i.encodingRules) }),
	"nomenclature_version": ofInfo(func(i associationInfo) any { return hex32(i.nomenclature) }),
	"functional_units":     ofInfo(func(i associationInfo) any { return i.functionalUnits }),
	"system_type":          ofInfo(func(i associationInfo) any { return hex32(i.systemType) }),
	"dev_config_id":        ofInfo(func(i associationInfo) any { return hex16(i.configID) }),
	"data_req_mode_flags":  ofInfo(func(i associationInfo) any { return hex16(i.dataReqFlags) }),
	"init_agent":           ofInfo(func(i associationInfo) any { return i.initAgent }),
	"init_manager":         ofInfo(func(i associationInfo) any { return i.initManager }),
	"option_count":         ofInfo(func(i associationInfo) any { return len(i.options) }),
	"system_id": func(want any, _ vector, a apdu, r adapters.Result) error {
		if a.aarq != nil {
			return same(a.aarq.protos[0].info.systemID, want)
		}
		return same(r.Reports[0].Device.SystemID, want)
	},
	"invoke_id": func(want any, _ vector, a apdu, _ adapters.Result) error { return same(hex16(a.data.invokeID), want) },
	"choice": func(want any, _ vector, a apdu, _ adapters.Result) error {
		return same("rors Get "+strings.ToLower(hex16(a.data.choice)), want)
	},
	"event_type": func(want any, _ vector, a apdu, _ adapters.Result) error {
		got := strconv.Itoa(int(a.data.event.eventType))
		if s := want.(string); strings.Contains(s, "(") {
			got = "MDC_NOTI_" + eventNames[a.data.event.eventType] + "(" + got + ")"
		}
		return same(got, want)
	},
	"config_report_id": func(want any, _ vector, a apdu, _ adapters.Result) error {
		return same(hex16(a.data.event.config.id), want)
	},
	"objects": func(want any, _ vector, a apdu, _ adapters.Result) error {
		return same(a.data.event.config.count, want)
	},
	"object_list_length": func(want any, _ vector, a apdu, _ adapters.Result) error {
		return same(len(rest(a.data.event.config.objects))-4, want)
	},
	"object[0]":       assertObject(0),
	"object[1]":       assertObject(1),
	"handle":          func(want any, _ vector, a apdu, _ adapters.Result) error { return same(a.data.handle, want) },
	"attribute_count": func(want any, _ vector, a apdu, _ adapters.Result) error { return same(len(a.data.attrs), want) },
	"attribute_list_length": func(want any, _ vector, a apdu, _ adapters.Result) error {
		n := 0
		for _, attr := range a.data.attrs {
			n += 4 + len(attr.raw())
		}
		return same(n, want)
	},
	"attribute": func(want any, _ vector, a apdu, _ adapters.Result) error {
		return same(fmt.Sprintf("MDC_ATTR_OP_STAT %d", a.data.attrs[0].id), want)
	},
	"value": func(want any, _ vector, a apdu, _ adapters.Result) error {
		return same(a.data.attrs[0].open().U16(""), want)
	},
	"manufacturer": ofDevice(func(d acom.Device) any { return d.Manufacturer }),
	"model": func(want any, _ vector, _ apdu, r adapters.Result) error { // sent with its padding NUL
		return same(r.Reports[0].Device.Model+`\0`, want)
	},
	"type_spec": func(want any, _ vector, _ apdu, r adapters.Result) error {
		s := r.Reports[0].Device.Specializations[0]
		pair := want.([]any)
		return same([]any{s.Type, s.Version}, []any{acom.MDC(8, mdc[pair[0].(string)]), pair[1]})
	},
	"prod_spec": func(want any, _ vector, _ apdu, r adapters.Result) error {
		spec := want.([]any)[0].(map[string]any)
		return same([]any{1, r.Reports[0].Device.Serial}, []any{spec["spec_type"], spec["value"]})
	},
	"config_id": func(want any, _ vector, a apdu, r adapters.Result) error {
		for _, attr := range a.data.attrs {
			if attr.id == attrConfigID {
				return same(attr.open().U16(""), want)
			}
		}
		return errors.New("no Dev-Configuration-Id")
	},
	"data_req_id": func(want any, _ vector, a apdu, _ adapters.Result) error {
		return same(hex16(a.data.event.scan.requestID), want)
	},
	"weight_kg":        measuredAs(0, -1),
	"body_fat_percent": measuredAs(1, -1),
	"spo2_percent":     measuredAs(0, -1),
	"systolic":         measuredAs(0, 0),
	"diastolic":        measuredAs(0, 1),
	"map":              measuredAs(0, 2),
	"pulse_rate":       measuredAs(1, -1),
	"weights_kg": func(want any, _ vector, _ apdu, r adapters.Result) error {
		for i, w := range want.([]any) {
			if err := measuredAs(i, -1)(w, vector{}, apdu{}, r); err != nil {
				return err
			}
		}
		return same(len(r.Reports[0].Measurements), len(want.([]any)))
	},
	"times": func(want any, _ vector, _ apdu, r adapters.Result) error {
		for i, at := range want.([]any) {
			if err := same(isoOf(r.Reports[0].Measurements[i].Time.Wall), at.(string)+".00"); err != nil {
				return err
			}
		}
		return nil
	},
	"time": func(want any, _ vector, a apdu, r adapters.Result) error {
		for _, attr := range a.data.attrs { // Get MDS: its Date-and-Time
			if attr.id == attrDateTime {
				return same(isoOf(wallClock(attr.open(), "")), want.(string)+".00")
			}
		}
		for _, m := range r.Reports[0].Measurements {
			if err := same(isoOf(m.Time.Wall), want.(string)+".00"); err != nil {
				return err
			}
		}
		return nil
	},
	"observations_in_order": assertObservations,
	"origin":                func(any, vector, apdu, adapters.Result) error { return nil }, // where the source says so
}

func assertObject(i int) assertion {
	return func(want any, _ vector, a apdu, _ adapters.Result) error {
		cfg := a.data.event.config.parsed
		o := cfg.objects[cfg.order[i]]
		if o.class != classNumeric {
			return fmt.Errorf("class %d", o.class)
		}
		for key, want := range want.(map[string]any) {
			var err error
			switch key {
			case "class":
				err = same("NU", want)
			case "handle":
				err = same(o.handle, want)
			case "attrs":
				err = same(len(o.attrs), want)
			case "type":
				err = same(o.properties.typ, acom.MDC(2, mdc[want.(string)]))
			case "metric_spec_small":
				err = same(hex16(o.properties.spec), want)
			case "unit":
				err = same(o.properties.unit, mdc[want.(string)])
			case "val_map":
				for j, pair := range want.([]any) {
					p := pair.([]any)
					err = errors.Join(err, same(o.layouts[0][j], slot{mdc[p[0].(string)], int(p[1].(float64))}))
				}
			default:
				err = fmt.Errorf("nothing here checks %q", key)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
		}
		return nil
	}
}

func assertObservations(want any, _ vector, _ apdu, r adapters.Result) error {
	wants := want.([]any)
	if len(r.Reports) != 1 || len(r.Reports[0].Measurements) != len(wants) {
		return fmt.Errorf("not %d measurements", len(wants))
	}
	for i, w := range wants {
		m, w := r.Reports[0].Measurements[i], w.(map[string]any)
		got, _ := new(big.Rat).SetString(m.Value.Number.Text)
		value, _ := new(big.Rat).SetString(w["value"].(string))
		tolerance, _ := new(big.Rat).SetString(w["tolerance"].(string))
		if diff := new(big.Rat).Sub(got, value); diff.Abs(diff).Cmp(tolerance) > 0 {
			return fmt.Errorf("value %s, want %s within %s", m.Value.Number.Text, w["value"], w["tolerance"])
		}
		if s, ok := w["time"]; ok && same(isoOf(m.Time.Wall), s.(string)+".00") != nil {
			return fmt.Errorf("time %v, want %v", m.Time.Wall, s)
		}
		if s, ok := w["measurement_status"]; ok && same(uint16(m.Status), s) != nil {
			return fmt.Errorf("status %v, want %v", m.Status, s)
		}
	}
	return nil
}
