package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/server/store"
)

// testParameters has one example of each parameter type, modifier and prefix.
func testParameters(t *testing.T, s *suite) {
	quantity := func(value, code string) string {
		return fmt.Sprintf(`,'code':{'coding':[{'system':'urn:x','code':'w'}]},'valueQuantity':{'value':%s,'unit':'u-%[2]s','system':'http://unitsofmeasure.org','code':'%[2]s'}`, value, code)
	}
	s.must(
		put(patient("a", `,'active':true,'birthDate':'1970-05','gender':'male','name':[{'family':'Müller-Ångström','given':['Jörg','Q%_']},{'text':'other'}]`)),
		put(patient("b", `,'birthDate':'1980-01-01','name':[{'family':'muller'}],'generalPractitioner':[{'identifier':{'system':'urn:gp','value':'7'}}],
		 'identifier':[{'type':{'coding':[{'system':'urn:t','code':'MR'}]},'value':'12'}]`)),
		put(patient("c", `,'meta':{'profile':['http://x/p/1'],'tag':[{'system':'urn:tag','code':'t'}],'source':'urn:s'},'name':[{'family':'Smith'}],'deceasedBoolean':false`)),
		put(observation("kg", quantity("1", "kg")+`,'subject':{'reference':'Patient/a'}`)),
		put(observation("g", quantity("1000.0", "g")+`,'subject':{'reference':'http://here/fhir/Patient/b'},'method':{'coding':[{'code':'m'}]}`)),
		put(observation("mg", quantity("-5.4", "mg")+`,'subject':{'reference':'Patient/a'}`)),
		put(observation("text", `,'code':{'coding':[{'system':'urn:x','code':'s'}]},'valueString':'Hello World','component':[{'code':{'coding':[{'code':'w'}]},'valueQuantity':{'value':7}}]`)),
		put(resource(`{'resourceType':'RiskAssessment','id':'1','status':'final','prediction':[{'probabilityDecimal':0.0123}]}`)),
		put(resource(`{'resourceType':'RiskAssessment','id':'2','status':'final','prediction':[{'probabilityDecimal':100.4}]}`)),
		put(resource(`{'resourceType':'ValueSet','id':'1','url':'http://acme.org/fhir/ValueSet/123','status':'active'}`)),
		put(resource(`{'resourceType':'Encounter','id':'e','status':'finished','class':{'code':'AMB'},'subject':{'reference':'Patient/a'}}`)),
		put(observation("enc", `,'encounter':{'reference':'Encounter/e'},'code':{'text':'none'}`)),
		put(resource(`{'resourceType':'Provenance','id':'p','target':[{'reference':'Observation/kg'}]}`)),
	)
	for _, c := range []string{
		// string
		"Patient?name=mull|b a", "Patient?name=MÜLLER|b a", "Patient?name=angstrom|", "Patient?name:contains=angstrom|a", "Patient?name:contains=%25_|a",
		"Patient?name:exact=muller|b", "Patient?name:exact=Muller|", "Patient?given=j|a", "Patient?name=smith,other|c a", "Patient?family=other|",
		// token
		"Patient?active=true|a", "Patient?gender=http://hl7.org/fhir/administrative-gender%7Cmale|a", "Patient?gender:not=male|c b", "Patient?gender:missing=true|c b",
		"Patient?gender:missing=false|a", "Patient?identifier:of-type=urn:t%7CMR%7C12|b", "Patient?identifier:of-type=urn:t%7CMR%7C13|", "Patient?deceased=false|c b a",
		"Patient?_tag=urn:tag%7Ct|c", "Patient?_profile=http://x/p/1|c", "Patient?_source=urn:s|c", "Patient?_profile:below=http://x/p|c",
		"Patient?_profile:missing=true|b a", "Observation?method:not=m|enc text mg kg",
		// reference
		"Patient?general-practitioner:identifier=urn:gp%7C7|b", "Observation?subject=Patient/b|g", "Observation?patient=b|g",
		// date
		"Patient?birthdate=1970|a", "Patient?birthdate=ge1975|b", "Patient?birthdate:missing=true|c",
		// number
		"RiskAssessment?probability=100|2", "RiskAssessment?probability=100.0|", "RiskAssessment?probability=gt100|2", "RiskAssessment?probability=0.012|1",
		"RiskAssessment?probability=1.23e-2|1", "RiskAssessment?probability=lt1|1", "RiskAssessment?probability=ne100|1", "RiskAssessment?probability=ap105|2",
		// quantity
		"Observation?value-quantity=1%7Chttp://unitsofmeasure.org%7Ckg|g kg", "Observation?value-quantity=1000%7Chttp://unitsofmeasure.org%7Cg|g kg",
		"Observation?value-quantity=lt0|mg", "Observation?value-quantity=1%7C%7Ckg|kg", "Observation?value-quantity=1%7C%7Cu-kg|kg", "Observation?value-quantity=-5.4|mg",
		"Observation?value-quantity=ge1%7Chttp://unitsofmeasure.org%7Ckg|g kg", "Observation?value-quantity=gt-6%7Chttp://unitsofmeasure.org%7Cmg|mg g kg",
		"Observation?combo-value-quantity=7|text", "Observation?combo-value-quantity:missing=true|enc",
		// uri
		"ValueSet?url=http://acme.org/fhir/ValueSet/123|1", "ValueSet?url:below=http://acme.org/fhir/|1", "ValueSet?url:below=http://acme.org/fhi|",
		"ValueSet?url:above=http://acme.org/fhir/ValueSet/123/4|1", "ValueSet?url=http://acme.org/fhir/valueset/123|",
		// composite
		"Observation?code-value-quantity=urn:x%7Cw$gt500|g", "Observation?code-value-quantity=w$1%7Chttp://unitsofmeasure.org%7Ckg|g kg", "Observation?code-value-quantity=s$1|",
		"Observation?code-value-string=s$hello|text", "Observation?combo-code-value-quantity=w$7|text", "Observation?combo-code=w|text mg g kg",
		// chains and _has
		"Observation?patient.name=mull|mg g kg", "Observation?subject:Patient.birthdate=1980|g", "Observation?patient.name=nobody|",
		"Observation?encounter.subject.gender=male|enc", "Observation?encounter:Encounter.patient.name:exact=other|enc", "Patient?_has:Observation:patient:code=w|b a", "Patient?_has:Observation:patient:method=m|b",
		"Patient?_has:Encounter:patient:_has:Observation:encounter:status=final|a", "Patient?_has:Observation:patient:code=none|",
		// sort
		"Patient?_sort=family|b a c", "Patient?_sort=-family|c a b", "Patient?_sort=-birthdate|b a c", "Patient?_sort=gender,name|",
		"Observation?_sort=value-quantity&value-quantity:missing=false|mg g kg", "Observation?_sort=-value-quantity,_lastUpdated|kg g mg text enc", "RiskAssessment?_sort=-probability|2 1",
	} {
		i := strings.LastIndexByte(c, '|')
		typ, query, _ := strings.Cut(c[:i], "?")
		if strings.HasPrefix(query, "_sort=gender") {
			continue // tokens are not sorted by
		}
		s.finds(typ, query, c[i+1:])
	}
	s.included()
	var all []string
	q := parse(t, "Patient", "_sort=family&_count=1")
	s.view(func(r store.Reader) error {
		for {
			result, err := r.Search(q)
			if err != nil {
				return err
			}
			all = append(all, found(result))
			if q.After = result.Next; q.After == nil {
				return nil
			}
		}
	})
	equal(t, "pages sorted by text", strings.Join(all, " "), "b a c")
}

func (s *suite) included() {
	for _, c := range [][2]string{
		{"_id=kg&_revinclude=Provenance:target", "Provenance/p"},
		{"_id=enc&_include=Observation:encounter&_include:iterate=Encounter:subject", "Encounter/e Patient/a"},
		{"_id=enc&_include=*", "Encounter/e"},
		{"_id=kg,mg&_include=Observation:*", "Patient/a"},
	} {
		s.view(func(r store.Reader) error {
			var keys []string
			for _, v := range s.search(r, "Observation", c[0]).Included {
				keys = append(keys, v.Key.String())
			}
			slices.Sort(keys)
			equal(s.t, c[0], strings.Join(keys, " "), c[1])
			return nil
		})
	}
	s.view(func(r store.Reader) error {
		result := s.search(r, "Patient", "_id=a&_revinclude=Encounter:patient&_revinclude:iterate=Observation:encounter")
		keys := []fhir.Key{}
		for _, v := range result.Included {
			keys = append(keys, v.Key)
		}
		equal(s.t, "_revinclude:iterate", fmt.Sprint(keys), "[Encounter/e Observation/enc]")
		return nil
	})
}
