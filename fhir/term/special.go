package term

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/ucum"
)

// Code systems that R4 names and that are no CodeSystem resources (R4
// terminologies-systems).
const (
	languageSystem = "urn:ietf:bcp:47"
	mimeSystem     = "urn:ietf:bcp:13"
	uriSystem      = "urn:ietf:rfc:3986"
	countrySystem  = "urn:iso:std:iso:3166"
	currencySystem = "urn:iso:std:iso:4217"
	ucumSystem     = "http://unitsofmeasure.org"

	ucumCommon      = "http://hl7.org/fhir/ValueSet/ucum-common"
	commonLanguages = "http://hl7.org/fhir/ValueSet/languages"
)

// externals are code systems of others whose releases are not here. What a value
// set lists of them is known; about every other code nothing can be said.
var externals = map[string]string{
	snomed:             "SNOMED CT",
	"http://loinc.org": "LOINC",
	"http://www.nlm.nih.gov/research/umls/rxnorm":                  "RxNorm",
	"http://www.ama-assn.org/go/cpt":                               "CPT",
	"http://dicom.nema.org/resources/ontology/DCM":                 "DICOM",
	"http://hl7.org/fhir/sid/icd-10":                               "ICD-10",
	"http://hl7.org/fhir/sid/icd-10-cm":                            "ICD-10-CM",
	"http://hl7.org/fhir/sid/icd-9-cm":                             "ICD-9-CM",
	"http://www.cms.gov/Medicare/Coding/ICD10":                     "ICD-10-PCS",
	"http://id.who.int/icd/release/11/mms":                         "ICD-11",
	"http://hl7.org/fhir/sid/cvx":                                  "CVX",
	"http://hl7.org/fhir/sid/ndc":                                  "NDC",
	"http://nucc.org/provider-taxonomy":                            "the NUCC provider taxonomy",
	"http://ncimeta.nci.nih.gov":                                   "the NCI Metathesaurus",
	"http://fdasis.nlm.nih.gov":                                    "UNII",
	"http://www.whocc.no/atc":                                      "ATC",
	"http://www.genenames.org":                                     "HGNC",
	"http://www.ensembl.org":                                       "Ensembl",
	"http://www.ncbi.nlm.nih.gov/clinvar":                          "ClinVar",
	"http://www.ncbi.nlm.nih.gov/nuccore":                          "RefSeq",
	"http://www.ncbi.nlm.nih.gov/projects/SNP":                     "dbSNP",
	"http://www.sequenceontology.org":                              "the Sequence Ontology",
	"http://varnomen.hgvs.org":                                     "HGVS",
	"http://varnomen.hgvs.org/":                                    "HGVS",
	"http://www.ebi.ac.uk/ipd/imgt/hla":                            "IMGT/HLA",
	"http://cancer.sanger.ac.uk/cancergenome/projects/cosmic":      "COSMIC",
	"http://unstats.un.org/unsd/methods/m49/m49.htm":               "UN M.49",
	"urn:iso:std:iso:3166:-2":                                      "ISO 3166-2",
	"https://www.iana.org/time-zones":                              "the IANA time zones",
	"urn:iso-astm:E1762-95:2013":                                   "ASTM E1762",
	"http://ihe.net/fhir/ValueSet/IHE.FormatCode.codesystem":       "the IHE format codes",
	"http://healthit.gov/nhin/purposeofuse":                        "the NHIN purposes of use",
	"https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets":     "HCPCS",
	"http://www.nlm.nih.gov/research/umls/hcpcs":                   "HCPCS",
	"https://www.nubc.org/CodeSystem/RevenueCodes":                 "the NUBC revenue codes",
	"urn:oid:2.16.840.1.113883.3.26.1.1":                           "the NCI Thesaurus",
	"http://www.cms.gov/Medicare/Medicare-Fee-for-Service-Payment": "the CMS payment groups",
}

// byGrammar is the index of a code that a grammar accepts and no table lists.
const byGrammar int32 = -1

// find locates a code in the table or by the grammar.
func (v *view) find(code string) (int32, bool) {
	if at, ok := v.locate(code); ok {
		return at, true
	}
	if v.grammar != nil {
		return byGrammar, v.grammar(code)
	}
	return 0, false
}

// conceptAt is the concept of an index that find gave, nil for one by grammar.
func (v *view) conceptAt(at int32) *concept {
	if at == byGrammar {
		return nil
	}
	return &v.concepts[at]
}

// once is the index of a code of a grammar, put into this view's own table.
func (v *view) once(code string) int32 {
	if at, ok := v.locate(code); ok {
		return at
	}
	if !v.own {
		own := *v.system
		own.byCode, own.concepts, own.roots = maps.Clone(v.byCode), slices.Clone(v.concepts), slices.Clone(v.roots)
		v.system, v.own = &own, true
	}
	v.system.put(code, "")
	return int32(len(v.concepts) - 1)
}

// textsOf are the texts of a code that find located; a grammar has none.
func (v *view) textsOf(at int32) designations {
	if at == byGrammar {
		return nil
	}
	return v.designations(at)
}

// absent reports whether the code system is known by name only: its codes are
// not here, and nothing can be said about one that no value set lists.
func (v *view) absent() bool { return v.content == "not-present" }

// specialSystem is a code system that is defined by a grammar, by a table of
// ours, or by others.
func specialSystem(url, version string) *system {
	s := &system{url: url, version: version, content: "complete", byCode: map[string]int32{}}
	switch url {
	case ucumSystem:
		s.name, s.grammar, s.measure = "UCUM", ucum.Valid, sameDimension
	case mimeSystem:
		s.name, s.grammar = "MIME types", validMIME
	case languageSystem:
		s.name, s.grammar = "Language tags", func(code string) bool { _, ok := parseTag(code); return ok && code != "*" }
	case uriSystem:
		s.name, s.grammar = "URIs", absolute
	case countrySystem:
		s.name = "ISO 3166-1"
		s.table(countryCodes())
	case currencySystem:
		s.name = "ISO 4217"
		s.table(strings.Fields(currencyCodes))
	case MDCSystem:
		*s = *inForce().system()
		s.version = version
	default:
		name, ok := externals[url]
		if !ok {
			return nil
		}
		s.name, s.content = name, "not-present"
	}
	return s
}

func (s *system) table(codes []string) {
	for _, code := range codes {
		s.put(code, "")
	}
}

func (s *system) put(code, display string) {
	if _, twice := s.byCode[code]; twice {
		return
	}
	s.byCode[code] = int32(len(s.concepts))
	s.roots = append(s.roots, int32(len(s.concepts)))
	s.concepts = append(s.concepts, concept{code: code, display: display, element: fhir.NewObject()})
}

// sameDimension is the filter canonical = unit of UCUM.
func sameDimension(f filter) func(code string) bool {
	if f.property != "canonical" || f.op != "=" {
		return nil
	}
	want, err := ucum.Parse(f.value)
	if err != nil {
		return func(string) bool { return false }
	}
	return func(code string) bool {
		u, err := ucum.Parse(code)
		return err == nil && u.Comparable(want)
	}
}

// partition is a filter on the partition of an MDC code, which is its upper
// sixteen bits (IEEE 11073-10101, context-free codes). The value sets of PHD and
// PoCD are made so.
func partition(f filter) func(code string) bool {
	if f.property != "partition" || f.op != "=" && f.op != "in" {
		return nil
	}
	wanted := strings.Split(f.value, ",")
	return func(code string) bool {
		n, err := strconv.ParseUint(code, 10, 32)
		return err == nil && slices.Contains(wanted, strconv.FormatUint(n>>16, 10))
	}
}

// validMIME reports whether text is a media type with parameters (RFC 6838
// §4.2, RFC 9110 §8.3.1).
func validMIME(code string) bool {
	kind, parameters, _ := strings.Cut(code, ";")
	main, sub, ok := strings.Cut(strings.TrimSpace(kind), "/")
	if !ok || !restricted(main) || !restricted(sub) {
		return false
	}
	for parameter := range strings.SplitSeq(parameters, ";") {
		if strings.TrimSpace(parameter) == "" {
			continue
		}
		name, value, ok := strings.Cut(strings.TrimSpace(parameter), "=")
		if !ok || !restricted(name) || value == "" {
			return false
		}
	}
	return true
}

// restricted is restricted-name of RFC 6838 §4.2.
func restricted(s string) bool {
	return len(s) <= 127 && every(s, func(c byte) bool {
		return isLetter(c) || c >= '0' && c <= '9' || strings.IndexByte("!#$&-^_.+", c) >= 0
	}) && (isLetter(s[0]) || s[0] >= '0' && s[0] <= '9')
}

// specialValueSet is the code system whose codes an implicit value set has all
// (R4 terminologies-systems: SNOMED CT ?fhir_vs, LOINC /vs).
func specialValueSet(url string) string {
	switch {
	case url == snomed+"?fhir_vs":
		return snomed
	case url == "http://loinc.org/vs":
		return "http://loinc.org"
	}
	return ""
}
