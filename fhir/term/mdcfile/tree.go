package mdcfile

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"vitalwire/fhir/term"
)

// A node is an object or value of JSON, or an element of XML.
type node struct {
	name     string // as a column
	text     string
	line     int
	children []*node
}

func (r *reader) node(name string, line int) (*node, error) {
	if r.nodes++; r.nodes > mostNodes {
		return nil, r.fail(line, "more than %d values", mostNodes)
	}
	return &node{name: name, line: line}, nil
}

// json reads JSON: the list of terms, Rosetta entries with their units, or a CodeSystem.
func (r *reader) json(data []byte) error {
	in := json.NewDecoder(bytes.NewReader(data))
	in.UseNumber()
	root, err := r.jsonValue(in, &lines{data: data}, "", 0)
	if err != nil {
		return err
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return r.fail(root.line, "something stands behind the JSON value")
	}
	return r.tree(root)
}

func (r *reader) jsonValue(in *json.Decoder, where *lines, name string, depth int) (*node, error) {
	token, err := in.Token()
	line := where.at(in.InputOffset())
	if err != nil {
		return nil, r.fail(line, "this is no JSON: %v", err)
	}
	if depth > mostDepth {
		return nil, r.fail(line, "values nest deeper than %d", mostDepth)
	}
	n, err := r.node(name, line)
	if err != nil {
		return nil, err
	}
	open, nested := token.(json.Delim)
	if !nested {
		if token != nil {
			n.text = fmt.Sprint(token)
		}
		if len(n.text) > mostCell {
			return nil, r.fail(line, "a value of more than %d bytes", mostCell)
		}
		return n, nil
	}
	for in.More() {
		inner := name
		if open == '{' {
			key, err := in.Token()
			if err != nil {
				return nil, r.fail(where.at(in.InputOffset()), "this is no JSON: %v", err)
			}
			inner = column(fmt.Sprint(key))
		}
		child, err := r.jsonValue(in, where, inner, depth+1)
		if err != nil {
			return nil, err
		}
		n.children = append(n.children, child)
	}
	if _, err := in.Token(); err != nil {
		return nil, r.fail(where.at(in.InputOffset()), "this is no JSON: %v", err)
	}
	return n, nil
}

// xml reads XML. Entities of a document's own are refused, as the standard library knows
// none.
func (r *reader) xml(data []byte) error {
	in := xml.NewDecoder(bytes.NewReader(data))
	in.CharsetReader = sameText
	where := lines{data: data}
	var root *node
	var open []*node
	for {
		token, err := in.Token()
		line := where.at(in.InputOffset())
		if errors.Is(err, io.EOF) && root != nil {
			return r.tree(root)
		}
		if err != nil {
			return r.fail(line, "this is no XML: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			n, err := r.node(column(token.Name.Local), line)
			if err != nil {
				return err
			}
			for _, a := range token.Attr {
				switch a.Name.Local {
				case "value":
					n.text = a.Value
				default:
					child, err := r.node(column(a.Name.Local), line)
					if err != nil {
						return err
					}
					child.text = a.Value
					n.children = append(n.children, child)
				}
			}
			if len(open) > 0 {
				top := open[len(open)-1]
				top.children = append(top.children, n)
			} else if root == nil {
				root = n
			}
			if open = append(open, n); len(open) > mostDepth {
				return r.fail(line, "elements nest deeper than %d", mostDepth)
			}
		case xml.EndElement:
			n := open[len(open)-1]
			n.text = strings.TrimSpace(n.text)
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				top := open[len(open)-1]
				if top.text += string(token); len(top.text) > mostCell {
					return r.fail(line, "a value of more than %d bytes", mostCell)
				}
			}
		}
	}
}

// tree takes the terms of a tree.
func (r *reader) tree(root *node) error {
	if root.value("resourcetype") == "CodeSystem" || root.name == "codesystem" {
		if url := root.value("url"); url != term.MDCSystem {
			return r.fail(root.line, "the CodeSystem is %.100q, not %s", url, term.MDCSystem)
		}
		return r.concepts(root)
	}
	return r.objects(root)
}

func (n *node) value(name string) string {
	for _, c := range n.children {
		if c.name == name && len(c.children) == 0 {
			return c.text
		}
	}
	return ""
}

// concepts takes those of a CodeSystem: their display is the REFID, their designations
// are other names and words.
func (r *reader) concepts(of *node) error {
	for _, n := range of.children {
		if n.name != "concept" {
			continue
		}
		if n.value("code") == "" { // the list in JSON
			if err := r.concepts(&node{children: n.children}); err != nil {
				return err
			}
			continue
		}
		c := record{line: n.line, values: map[string]string{"cfcode10": n.value("code"), "refid": n.value("display")}}
		n.designations(&c)
		if err := r.take(c); err != nil {
			return err
		}
		if err := r.concepts(n); err != nil {
			return err
		}
	}
	return nil
}

func (n *node) designations(into *record) {
	for _, d := range n.children {
		if d.name != "designation" {
			continue
		}
		text := d.value("value")
		if text == "" {
			text = d.text
		}
		use := ""
		for _, c := range d.children {
			if c.name == "use" {
				use = column(c.value("code"))
			}
		}
		switch {
		case text == "":
			d.designations(into) // the list in JSON
		case use == "systematicname" || use == "commonterm":
			into.values[use] = text
		case refIDForm.MatchString(text) && strings.Contains(text, "_"):
			into.values["synonyms"] += " " + text
		}
	}
}

// objects takes every object that has a name and a code, wherever it stands: terms, the
// term of a Rosetta entry with what is around it, the units and values it lists.
func (r *reader) objects(n *node) error {
	c := record{line: n.line, values: map[string]string{}}
	inner := n.only("term")
	for _, of := range []*node{n, inner} {
		if of == nil {
			continue
		}
		for _, leaf := range of.children {
			if len(leaf.children) == 0 && c.values[leaf.name] == "" {
				c.values[leaf.name] = leaf.text
			}
			if leaf.name == "ucums" {
				leaf.ucums(&c.ucums)
			}
		}
	}
	if c.first(nameColumns...) != "" || c.first("cfucode10") != "" {
		if err := r.take(c); err != nil {
			return err
		}
	} else {
		inner = nil
	}
	for _, child := range n.children {
		list := []*node{child}
		if child == inner { // taken
			list = child.children
		}
		for _, next := range list {
			if len(next.children) == 0 {
				continue
			}
			if err := r.objects(next); err != nil {
				return err
			}
		}
	}
	return nil
}

// only is the one child of that name that has values itself, nil for none or several.
func (n *node) only(name string) (found *node) {
	for _, c := range n.children {
		if c.name != name || len(c.children) == 0 {
			continue
		}
		if found != nil {
			return nil
		}
		found = c
	}
	return found
}

// ucums are the UCUM codes below a node.
func (n *node) ucums(into *[]string) {
	if len(n.children) == 0 && (n.name == "ucum" || n.name == "value" || n.name == "ucums") {
		*into = append(*into, strings.Fields(n.text)...)
	}
	for _, c := range n.children {
		c.ucums(into)
	}
}
