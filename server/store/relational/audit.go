package relational

import "vitalwire/server/store"

// chainHead is the record of the end of the chain of AuditEvents.
var chainHead = recordKey{Collection: store.ChainHead, Key: store.HeadKey}

// audits reports whether a unit writes an AuditEvent.
func (p *prepared) audits() bool {
	for i := range p.unit.Writes {
		if p.unit.Writes[i].Key.Type == store.Audited {
			return true
		}
	}
	return false
}

// link puts the version of an AuditEvent at the end of the chain, if there is one. All
// writers of a database take the head's lock, so that the chain is in feed order.
func (b *batch) link(v store.Version) error {
	head := b.records[chainHead].value
	if head == nil {
		return nil
	}
	chain, err := store.ReadChain(head)
	if err != nil {
		return err
	}
	chain = chain.Next(v)
	for _, w := range []store.RecordWrite{
		{Collection: chainHead.Collection, Key: chainHead.Key, Value: chain.Record()},
		{Collection: store.ChainLinks, Key: store.LinkKey(v.Position), Value: []byte(chain.Hash)},
	} {
		if err := b.putRecord(w); err != nil {
			return err
		}
	}
	return nil
}
