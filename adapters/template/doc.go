// Package template reads what devices say in JSON, CSV or XML by rules that the
// operator writes, and the templates of microsoft/iomt-fhir.
//
// A template is a folder with template.json in the format of docs/templates.md, or
// with devicecontent.json and fhirmapping.json of iomt-fhir; and a folder cases that
// says what it makes of which input. It is versioned: what it made names it and its
// version.
//
// Templates and inputs are both hostile: their size, depth, the steps of a search
// and what is made of an input are bounded. Numbers stay the text that was sent,
// nothing is converted but by an expression that says so, and where the offset of a
// time comes from is always said.
package template
