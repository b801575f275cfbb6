package blegatt

import (
	"encoding/json"
	"strconv"

	"vitalwire/adapters/acom"
)

// MDC codes of the answers in a Glucose Measurement Context (GSS, IEEE
// 11073-10417), by the number sent;
// other numbers are reserved.
var (
	carbohydrates = map[uint8]acom.Code{
		1: 8417768, // MDC_CTXT_GLU_CARB_BREAKFAST
		2: 8417772, // MDC_CTXT_GLU_CARB_LUNCH
		3: 8417776, // MDC_CTXT_GLU_CARB_DINNER
		4: 8417780, // MDC_CTXT_GLU_CARB_SNACK
		5: 8417784, // MDC_CTXT_GLU_CARB_DRINK
		6: 8417788, // MDC_CTXT_GLU_CARB_SUPPER
		7: 8417792, // MDC_CTXT_GLU_CARB_BRUNCH
	}
	meals = map[uint8]acom.Code{
		1: 8417868, // MDC_CTXT_GLU_MEAL_PREPRANDIAL
		2: 8417872, // MDC_CTXT_GLU_MEAL_POSTPRANDIAL
		3: 8417876, // MDC_CTXT_GLU_MEAL_FASTING
		4: 8417880, // MDC_CTXT_GLU_MEAL_CASUAL
		5: 8417869, // MDC_CTXT_GLU_MEAL_BEDTIME
	}
	testers = map[uint8]acom.Code{
		1: 8417888, // MDC_CTXT_GLU_TESTER_SELF
		2: 8417892, // MDC_CTXT_GLU_TESTER_HCP
		3: 8417896, // MDC_CTXT_GLU_TESTER_LAB
	}
	healths = map[uint8]acom.Code{
		1: 8417824, // MDC_CTXT_GLU_HEALTH_MINOR
		2: 8417828, // MDC_CTXT_GLU_HEALTH_MAJOR
		3: 8417832, // MDC_CTXT_GLU_HEALTH_MENSES
		4: 8417836, // MDC_CTXT_GLU_HEALTH_STRESS
		5: 8417840, // MDC_CTXT_GLU_HEALTH_NONE
	}
	medications = map[uint8]acom.Code{
		1: 8417800, // MDC_CTXT_MEDICATION_RAPIDACTING
		2: 8417804, // MDC_CTXT_MEDICATION_SHORTACTING
		3: 8417808, // MDC_CTXT_MEDICATION_INTERMEDIATEACTING
		4: 8417812, // MDC_CTXT_MEDICATION_LONGACTING
		5: 8417816, // MDC_CTXT_MEDICATION_PREMIX
	}
)

// notAvailable is the tester or health nibble that says nothing.
const notAvailable = 15

// answer looks a number up; one without a code gives otherwise.
func answer(codes map[uint8]acom.Code, raw uint8, otherwise acom.Code) acom.Code {
	if code, ok := codes[raw]; ok {
		return code
	}
	return otherwise
}

// glucoseContext reads a Glucose Measurement Context (GLS 3.2, GSS): flags,
// sequence number, extended flags (bit 7), carbohydrate (0), meal (1), tester and
// health (2), exercise (3), medication (4, in litres if 5), HbA1c (6).
//
// A context has no time of its own. It belongs to the measurement with its
// sequence number and takes that one's time and test status, if remembered.
func (r *reader) glucoseContext() (seq uint16) {
	flags := r.U8("Flags")
	seq = r.U16LE("Sequence Number")
	if flag(flags, 7) {
		r.U8("Extended Flags") // all reserved
	}
	shared := acom.Measurement{DerivedFrom: []string{glucoseKey(seq)}}
	if value, ok := r.recall(glucoseKey(seq)); ok {
		var memo glucoseMemo
		if json.Unmarshal(value, &memo) == nil {
			shared.Time, shared.Status = memo.Time, memo.Status
		}
	}
	amount := func(code acom.Code, value acom.Value) {
		m := shared
		m.Kind, m.Type, m.Value = acom.Numeric, code, value
		r.add(m)
	}
	if flag(flags, 0) {
		// The kind of intake is the type (20601: a metric-id overrides the type).
		id := answer(carbohydrates, r.U8("Carbohydrate ID"), mdcCarbohydrate)
		amount(id, number(r.SFLOATLEShift(3, "Carbohydrate"), unitGram)) // kg
	}
	if flag(flags, 1) {
		r.add(coded(shared, mdcMeal, answer(meals, r.U8("Meal"), 0)))
	}
	if flag(flags, 2) {
		octet := r.U8("Tester-Health")
		if tester := octet & 0x0F; tester != notAvailable {
			r.add(coded(shared, mdcTester, answer(testers, tester, 0)))
		}
		if health := octet >> 4; health != notAvailable {
			r.add(coded(shared, mdcHealth, answer(healths, health, 0)))
		}
	}
	if flag(flags, 3) {
		exercise := shared
		// FFFF is more seconds than can be told, so none are.
		if seconds := r.U16LE("Exercise Duration"); seconds != 0xFFFF {
			exercise.Duration = strconv.Itoa(int(seconds))
		}
		exercise.Kind, exercise.Type = acom.Numeric, mdcExercise
		exercise.Value = scaled(int64(r.U8("Exercise Intensity")), 0, unitPercent)
		r.add(exercise)
	}
	if flag(flags, 4) {
		id := answer(medications, r.U8("Medication ID"), mdcMedication)
		if flag(flags, 5) {
			amount(id, number(r.SFLOATLEShift(3, "Medication"), unitMillilitre)) // L
		} else {
			amount(id, number(r.SFLOATLEShift(6, "Medication"), unitMilligram)) // kg
		}
	}
	if flag(flags, 6) {
		amount(mdcHbA1c, number(r.SFLOATLE("HbA1c"), unitPercent))
	}
	return seq
}
