package hl7pcd01

import (
	"strings"

	"vitalwire/adapters/acom"
)

// Attributes of an MDS that acom.Device has a place for.
const (
	attrModel    = 67880
	attrSystemID = 67972
	attrBattery  = 67996
	serialNumber = 531972
	patientSize  = 68060 // height; 68063 is weight: values of the patient, by place attributes
	patientMass  = 68063
)

// contain sorts a group's rows: objects of the containment tree and their
// attributes, facets of metrics; the rest are values, whose number it gives.
func (r *reader) contain(g *group) (values int) {
	var waves map[string]bool
	for i := range g.results {
		row := &g.results[i]
		if typ := row.obx.Field(2).Component(1).Text(); typ == "NA" || typ == "MA" || typ == "ED" {
			if waves == nil {
				waves = map[string]bool{}
			}
			waves[row.path.String()] = true
		}
	}
	for i := range g.results {
		row := &g.results[i]
		row.code = r.code(row.obx.Field(3))
		row.spent = true
		c := &row.code
		empty := row.obx.Field(5).Empty()
		switch {
		case row.path.isObject() && row.obx.Field(2).Empty():
			// A row without a type says that the object is there; some senders put
			// fillers into its value ("x^x^x").
			g.objects = append(g.objects, r.object(row, c))
		case row.path.isFacet() && (attribute(c) || waves[row.path.parent().String()]):
			g.facet(r, row, c) // others are values one level further down, as of a compound
		case attribute(c) && row.path != "" && !empty:
			g.attribute(r, row, c)
		default:
			row.spent = false
			values += row.readings()
		}
	}
	return values
}

// attribute reports whether a code is a fact of an object and no measurement.
func attribute(c *coded) bool {
	if c.code == patientSize || c.code == patientMass {
		return false
	}
	partition := c.code.Partition()
	return strings.HasPrefix(c.refID, "MDC_ATTR_") || partition == acom.PartitionObject || partition == acom.PartitionInfrastructure
}

func (r *reader) object(row *result, c *coded) acom.Object {
	o := acom.Object{Path: row.path.String(), Type: c.code, Codings: c.codings}
	if ei, ok := r.instance(row.obx); ok {
		o.ID = short(ei.Component(1).Text())
	}
	return o
}

// at is the object of a path or its nearest ancestor that is known; nil for none.
func (g *group) at(p path) *acom.Object {
	for ; p != ""; p = p.up() {
		at := p.String()
		for i := range g.objects {
			if g.objects[i].Path == at {
				return &g.objects[i]
			}
		}
	}
	return nil
}

func (g *group) attribute(r *reader, row *result, c *coded) {
	value := whole(row.obx.Field(5))
	parent := row.path.parent()
	if parent.String() == g.mds {
		switch c.code {
		case attrModel:
			g.device.Model = value
		case serialNumber:
			g.device.Serial = value
		case attrBattery:
			if n, ok := decimal(value); ok {
				g.device.Battery = n
			}
		}
	}
	unit := r.unit(row.obx.Field(6)).code
	fact := acom.Attribute{Name: naming(c), Value: value, Unit: unit}
	if o := g.at(parent); o != nil {
		o.Attributes = append(o.Attributes, fact)
		return
	}
	g.objects = append(g.objects, acom.Object{Path: parent.String(), Attributes: []acom.Attribute{fact}})
}

// complete gives the device what the object of its MDS tells.
func (g *group) complete() {
	if o := g.at(path(g.mds)); o != nil && o.Path == g.mds {
		g.device.Type, g.device.Attributes = o.Type, o.Attributes
	}
}

// naming is a code as one coding.
func naming(c *coded) acom.Coding {
	if c.code != 0 {
		return mdcCoding(c.code, c.refID)
	}
	if len(c.codings) > 0 {
		return c.codings[0]
	}
	return acom.Coding{Display: "not named"}
}
