package validate

// memo remembers answers of Codes for the length of one validation. A Bundle asks
// the same few hundred questions again and again; one resource rarely does, so the
// memory is made when memoFrom questions were asked.
type memo struct {
	asked   int
	answers []answer
}

const (
	memoFrom = 128
	memoBits = 9
)

// answer is what Codes said of a coding in a value set, or in its system when
// the value set is "".
type answer struct {
	valueSet string
	coding   Coding
	verdict  Verdict
}

// of is the place for the answer to a question, nil when nothing is remembered
// yet. Its valueSet and coding tell whether it is there.
func (m *memo) of(valueSet string, c *Coding) *answer {
	if m.answers == nil {
		if m.asked++; m.asked < memoFrom {
			return nil
		}
		m.answers = make([]answer, 1<<memoBits)
	}
	h := uint32(len(c.System)) | uint32(len(c.Display))<<8 | uint32(len(valueSet))<<16
	for i := 0; i < len(c.Code); i++ {
		h = (h ^ uint32(c.Code[i])) * 16777619 // FNV-1a
	}
	return &m.answers[h*0x9E3779B1>>(32-memoBits)]
}

// inCodes asks whether a coding is in a value set; with "" for the value set,
// whether its system has it.
func (r *run) inCodes(valueSet string, c Coding) Verdict {
	known := r.memo.of(valueSet, &c)
	if known != nil && known.coding.Code != "" && known.coding == c && known.valueSet == valueSet {
		return known.verdict
	}
	var verdict Verdict
	if valueSet == "" {
		verdict = r.v.codes.InSystem(r.ctx, c)
	} else {
		verdict = r.v.codes.InValueSet(r.ctx, valueSet, c)
	}
	if known != nil && r.ctx.Err() == nil {
		*known = answer{valueSet, c, verdict}
	}
	return verdict
}
