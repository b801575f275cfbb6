package acom

// Bedside is what a point-of-care device or its gateway tells besides
// measurements: whom it takes for its patient, where it stands, and the objects
// it consists of (IEEE 11073-10201; IHE PCD TF-2, 3.1). A Report that has one
// is mapped by the PoCD guide, one without by the PHD guide.
type Bedside struct {
	// Sender is the application and facility that sent the message, as it named them.
	Sender string `json:"sender,omitempty"`
	// Subject is the patient as the sender names him. It is a claim: the server
	// decides whose the measurements are.
	Subject *Subject `json:"subject,omitempty"`
	// Place is the assigned bed, "" when none was told: point of care, room, bed,
	// facility as the sender writes them, joined by "^" without trailing ones.
	Place string `json:"place,omitempty"`
	// Objects are the containment tree in the order sent.
	Objects []Object `json:"objects,omitempty"`
}

// Subject is a patient as a message names him.
type Subject struct {
	Identifiers []SubjectID `json:"identifiers,omitempty"`
	// Name is "Family, Given" for people who look at quarantine.
	Name string `json:"name,omitempty"`
	// BirthDate as precise as it was sent: 1971-01-08, 1971-01 or 1971.
	BirthDate string `json:"birthDate,omitempty"`
	Sex       string `json:"sex,omitempty"`
}

// SubjectID is one identifier with who assigned it (HL7 CX).
type SubjectID struct {
	Value string `json:"value"`
	// Namespace is the assigning authority's local name; Universal its identifier
	// of type UniversalType (ISO, DNS, URI...).
	Namespace     string `json:"namespace,omitempty"`
	Universal     string `json:"universal,omitempty"`
	UniversalType string `json:"universalType,omitempty"`
	// Type such as MR, PI or VN (HL7 table 0203).
	Type string `json:"type,omitempty"`
}

// Observer is a person as a message names him, by an identifier or a name.
type Observer struct {
	ID   SubjectID `json:"id"`
	Name string    `json:"name,omitempty"`
}

// Object is an MDS, VMD, Channel or Metric of a point-of-care device.
type Object struct {
	// Path is its place: "1" an MDS, "1.3" a VMD, "1.3.1" a channel, "1.3.1.7" a metric. The
	// levels are numbers, or names without points.
	Path string `json:"path"`
	Type Code   `json:"type,omitempty"`
	// Codings name the type in other systems, or as sent.
	Codings []Coding `json:"codings,omitempty"`
	// ID is the object's own identity, such as a serial number, when it told one.
	ID string `json:"id,omitempty"`
	// Unit of a metric's values, Category (measurement, setting, calculation or unspecified) and
	// Limits at which the device gives alarm.
	Unit     *Coding `json:"unit,omitempty"`
	Category string  `json:"category,omitempty"`
	Limits   *Range  `json:"limits,omitempty"`
	// Kind of a metric's values.
	Kind Kind `json:"kind,omitempty"`
	// Activation is the ComponentActivation of IEEE 11073-10207 (On, StndBy...), "" when
	// not said; Calibration of a metric likewise.
	Activation  string       `json:"activation,omitempty"`
	Calibration *Calibration `json:"calibration,omitempty"`
	// Attributes are facts of the object that are no measurement.
	Attributes []Attribute `json:"attributes,omitempty"`
}

// Calibration is the CalibrationInfo of IEEE 11073-10207, in its words.
type Calibration struct {
	State string `json:"state,omitempty"` // No, Req, Run, Cal, Oth
	Type  string `json:"type,omitempty"`  // Offset, Gain, TP, Unspec
	Time  string `json:"time,omitempty"`  // RFC 3339, UTC
}

// Attribute is a fact of an object.
type Attribute struct {
	Name  Coding `json:"name"`
	Value string `json:"value"`
	Unit  Code   `json:"unit,omitempty"`
}

// Range has decimal texts; "" is open. Text is what was sent in their place where it is
// no two numbers.
type Range struct {
	Low  string `json:"low,omitempty"`
	High string `json:"high,omitempty"`
	Text string `json:"text,omitempty"`
}

// Coding is a code of any system.
type Coding struct {
	System  string `json:"system,omitempty"`
	Code    string `json:"code,omitempty"`
	Display string `json:"display,omitempty"`
}

// Stage is where a result stands (HL7 table 0085); 0 is final.
type Stage uint8

// The stages.
const (
	Preliminary Stage = iota + 1
	// Corrected replaces what was sent before of the same type and time.
	Corrected
	// Withdrawn takes back what was sent before of the same type and time.
	Withdrawn
	// Unclear is of a status that nobody knows.
	Unclear
	// Newest is final, and replaces what was sent before under the same Record, as a
	// count of the day that grows does.
	Newest
)

// Metric is the place of a measurement in its device, and what a point-of-care
// device says of it beyond a personal one.
type Metric struct {
	// Path of its Object; "" when none was told.
	Path string `json:"path,omitempty"`
	// Codings of the type in other systems, and what was sent where Type was
	// understood otherwise. With a Type of 0 they are all that is known.
	Codings []Coding `json:"codings,omitempty"`
	Stage   Stage    `json:"stage,omitempty"`
	// Interpretation are codes of v3 ObservationInterpretation: N, L, LL, H, HH, A.
	Interpretation []string `json:"interpretation,omitempty"`
	// Method as sent.
	Method *Coding `json:"method,omitempty"`
	// Site is the body site in a system other than MDC.
	Site *Coding `json:"site,omitempty"`
	// Therapy is set for a value that a pump or another therapy device works with: no
	// sign of life of the patient.
	Therapy bool `json:"therapy,omitempty"`
	// Activity is set for a score, count or state of everyday life that no clinical
	// term means: steps, stress, sleep.
	Activity bool `json:"activity,omitempty"`
	// Category of the Observation where the sender's rules give one.
	Category []Coding `json:"category,omitempty"`
	// Reference is the reference range of a laboratory result.
	Reference *Range `json:"reference,omitempty"`
	// Observers are who answers for the value (OBX-16), as far as the sender names them.
	Observers []Observer `json:"observers,omitempty"`
	// Notes say what the reader of the value should know, such as that its code and
	// its name contradict each other.
	Notes []string `json:"notes,omitempty"`
	// Event is the sender's name of the event that the measurement is a state of: a
	// later measurement of the same event takes its place. "" for a measurement of its
	// own.
	Event string `json:"event,omitempty"`
	// Issued is when the sender last changed the reading, RFC 3339, "" when not told.
	Issued string `json:"issued,omitempty"`
	// End of the measurement as its Time is the start.
	End *Time `json:"end,omitempty"`
}
