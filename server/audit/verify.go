package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"vitalwire/fhir"
	"vitalwire/server/store"
)

// anchorFile has the end of the chain as a server last saw it, outside of the database:
// who cuts the chain and makes it good again does not reach that.
const anchorFile = "chain.anchor"

func readHead(r store.Reader) (store.Chain, bool, error) {
	value, ok, err := r.Record(store.ChainHead, store.HeadKey)
	if err != nil || !ok {
		return store.Chain{}, false, err
	}
	head, err := store.ReadChain(value)
	return head, true, err
}

// keepAnchor notes the end of the chain. One that is further on, by another server that
// shares the directory, stays.
func (l *Log) keepAnchor(ctx context.Context) error {
	var head store.Chain
	err := l.store.Glance(ctx, func(r store.Reader) (err error) {
		head, _, err = readHead(r)
		return err
	})
	if err != nil || head.N == 0 {
		return err
	}
	old, err := readAnchor(l.anchor)
	if err != nil || old.N >= head.N {
		return err
	}
	temporary := fmt.Sprintf("%s.%d", l.anchor, os.Getpid())
	if err := os.WriteFile(temporary, head.Record(), 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, l.anchor)
}

// readAnchor reads an anchor; of none it is the zero Chain.
func readAnchor(name string) (c store.Chain, err error) {
	data, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return c, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err != nil {
		err = fmt.Errorf("audit: %s: %w", name, err)
	}
	return c, err
}

// Broken is what is wrong with the chain, at the first place where it is.
type Broken struct { //nolint:errname // what the chain is
	// Link is its number from 1, Position that of the version; 0 where there is none.
	Link, Position int64
	Text           string
}

func (b *Broken) Error() string {
	return fmt.Sprintf("the audit chain is broken at link %d: %s", b.Link, b.Text)
}

// Verified is a chain that is whole.
type Verified struct {
	store.Chain
	// Anchored is how many links the anchor vouches for.
	Anchored int64
}

// Verify follows the hash chain from its beginning to the end that there is when it is
// called. dir is Options.Dir of a server, for its anchor; "" for none. A
// *Broken says what was changed, removed, put in or cut off.
func Verify(ctx context.Context, s store.Store, dir string) (Verified, error) {
	v := verifier{store: s, dir: dir}
	if err := v.begin(ctx); err != nil {
		return Verified{}, err
	}
	for done := false; !done; {
		err := s.View(ctx, func(r store.Reader) (err error) {
			done, err = v.step(r)
			return err
		})
		if err != nil {
			return Verified{}, err
		}
	}
	return Verified{v.at, v.anchor.N}, v.end()
}

type verifier struct {
	store  store.Store
	dir    string
	anchor store.Chain
	head   store.Chain // where the chain ended when it began to be followed
	at     store.Chain // as far as it was followed
}

func (v *verifier) broken(position int64, format string, args ...any) error {
	return &Broken{v.at.N + 1, position, fmt.Sprintf(format, args...)}
}

// begin reads the end of the chain and checks what lies before it.
func (v *verifier) begin(ctx context.Context) error {
	return v.store.View(ctx, func(r store.Reader) error {
		head, ok, err := readHead(r)
		if err != nil {
			return err
		}
		if !ok {
			links, err := r.Records(store.ChainLinks, "", "", 1)
			if err == nil && len(links) > 0 {
				err = v.broken(0, "its head is gone, and links are left")
			}
			if err == nil {
				err = errors.New("there is no audit chain: no server with --audit on has used this store")
			}
			return err
		}
		v.head, v.at = head, store.NewChain(head.ID, head.Begin, head.Before)
		if v.dir != "" && fhir.ValidID(head.ID) {
			if v.anchor, err = readAnchor(filepath.Join(v.dir, head.ID, anchorFile)); err != nil {
				return err
			}
		}
		before, err := r.CountVersions(store.Selection{Type: store.Audited, Below: head.Begin + 1}, 1<<40)
		if err == nil && before != head.Before {
			err = v.broken(0, "before the chain were %d versions of AuditEvents, now there are %d", head.Before, before)
		}
		if err != nil {
			return err
		}
		// Both are of one snapshot, so that nothing of a running server lies behind the end.
		behind, err := r.Versions(store.Selection{Type: store.Audited, Above: head.Position, Oldest: true}, 1)
		if err == nil && len(behind) > 0 {
			v.at = head
			err = v.broken(behind[0].Position, "%s was put in behind the end, or the head was set back", behind[0].Key)
		}
		return err
	})
}

// step follows some links; done when it came to the end.
func (v *verifier) step(r store.Reader) (done bool, err error) {
	const some = 1000
	after := v.at.Position
	versions, err := r.Versions(store.Selection{Type: store.Audited, Above: after, Below: v.head.Position + 1, Oldest: true}, some)
	if err != nil {
		return false, err
	}
	links, err := r.Records(store.ChainLinks, "", store.LinkKey(after), some)
	if err != nil {
		return false, err
	}
	for i := 0; ; i++ {
		atLink := i < len(links) && links[i].Key <= store.LinkKey(v.head.Position)
		switch {
		case i >= len(versions) && !atLink:
			return len(versions) < some, nil
		case !atLink && i >= len(links) && len(links) == some, i >= len(versions) && len(versions) == some:
			return false, nil // more on the next page
		case i >= len(versions), atLink && links[i].Key < store.LinkKey(versions[i].Position):
			return false, v.broken(0, "the AuditEvent at position %s was removed", links[i].Key)
		case !atLink, links[i].Key != store.LinkKey(versions[i].Position):
			return false, v.broken(versions[i].Position, "%s was put in, or its link removed", versions[i].Key)
		}
		next := v.at.Next(versions[i])
		if !bytes.Equal(links[i].Value, []byte(next.Hash)) {
			return false, v.broken(versions[i].Position, "%s was changed, or others between it and the one before were removed or put in", versions[i].Key)
		}
		v.at = next
		if v.at.N == v.anchor.N && v.at.Hash != v.anchor.Hash {
			return false, v.broken(versions[i].Position, "the chain up to %s is another than the server noted in %s", versions[i].Key, anchorFile)
		}
	}
}

// end compares where the chain ends with where it should.
func (v *verifier) end() error {
	switch {
	case v.at.N != v.head.N || v.at.Hash != v.head.Hash || v.at.Position != v.head.Position:
		return v.broken(0, "the chain ends here, and its head says it has %d links", v.head.N)
	case v.at.N < v.anchor.N:
		return v.broken(0, "the chain ends here, and the server noted %d links in %s", v.anchor.N, anchorFile)
	}
	return nil
}
