package records

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
)

// maxTag is the longest tag, comment or declaration of a file.
const maxTag = 64 << 10

// SplitXML gives the Split of an adapter whose file is one element of many: each part is
// the root with some of its children, those that keep names. A child that is longer than
// an item may be is left out. It cuts at tags and no more: whoever reads the parts finds
// what is wrong inside them.
func SplitXML(root string, keep func(name string) bool) func(r io.Reader, emit func(frame []byte) error) error {
	return func(r io.Reader, emit func(frame []byte) error) error {
		s := tags{r: bufio.NewReaderSize(r, 64<<10)}
		part := []byte("<" + root + ">\n")
		head, depth, began := len(part), 0, false
		var child []byte
		kept := false
		take := func(piece []byte) {
			if kept = kept && len(child)+len(piece) <= maxItem; kept {
				child = append(child, piece...)
			}
		}
		for {
			text, tag, err := s.next()
			switch {
			case errors.Is(err, io.EOF) && began && depth == 0:
				return emit(append(part, "</"+root+">\n"...))
			case errors.Is(err, io.EOF):
				return Refuse(0, "it ends before its elements do")
			case err != nil:
				return err
			}
			if depth >= 2 {
				take(text)
			}
			switch kindOf(tag) {
			case otherTag:
				if depth >= 2 {
					take(tag)
				}
				continue
			case startTag, emptyTag:
				name := nameOf(tag)
				switch depth {
				case 0:
					if began || name != root {
						return Refuse(0, "its root is not %s", root)
					}
					began = true
				case 1:
					child, kept = child[:0], keep(name)
				}
				if depth >= 1 {
					take(tag)
				}
				depth++
				if kindOf(tag) == startTag {
					continue
				}
			case endTag:
				take(tag)
			}
			if depth--; depth < 0 {
				return Refuse(0, "an element ends that did not begin")
			}
			if depth != 1 || !kept {
				continue
			}
			if len(part)+len(child) > partSize && len(part) > head {
				if err := emit(append(bytes.Clone(part), "</"+root+">\n"...)); err != nil {
					return err
				}
				part = part[:head]
			}
			part = append(append(part, child...), '\n')
		}
	}
}

// kinds of tags.
const (
	startTag = iota
	endTag
	emptyTag // <a/>
	otherTag // comments, declarations, CDATA
)

func kindOf(tag []byte) int {
	switch {
	case bytes.HasPrefix(tag, []byte("</")):
		return endTag
	case bytes.HasPrefix(tag, []byte("<!")), bytes.HasPrefix(tag, []byte("<?")):
		return otherTag
	case bytes.HasSuffix(tag, []byte("/>")):
		return emptyTag
	}
	return startTag
}

// nameOf is the name of a start tag.
func nameOf(tag []byte) string {
	name := string(tag[1:min(len(tag), 200)])
	if i := strings.IndexAny(name, " \t\r\n/>"); i >= 0 {
		name = name[:i]
	}
	return name
}

// tags reads a file tag by tag.
type tags struct {
	r         *bufio.Reader
	text, tag []byte
}

// next is the text up to a tag, and the tag. Both are good until the next call. At the
// end of the file the error is io.EOF.
func (s *tags) next() (text, tag []byte, err error) {
	s.text, s.tag = s.text[:0], s.tag[:0]
	if s.text, err = s.upTo('<', s.text); err != nil {
		return nil, nil, err
	}
	s.text = s.text[:len(s.text)-1]
	s.tag = append(s.tag, '<')
	inside := within{}
	for {
		seen := len(s.tag)
		if s.tag, err = s.upTo('>', s.tag); err != nil {
			return nil, nil, err
		}
		if inside.ends(s.tag, seen) {
			return s.text, s.tag, nil
		}
	}
}

// upTo appends what there is to and with a byte.
func (s *tags) upTo(stop byte, to []byte) ([]byte, error) {
	for {
		piece, err := s.r.ReadSlice(stop)
		if to = append(to, piece...); len(to) > maxTag {
			return to, Refuse(0, "a piece of it is longer than %d bytes", maxTag)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return to, err
		}
	}
}

// within is what a '>' may stand in that ends no tag: quotes, and the brackets of a
// document type.
type within struct {
	quote byte
	open  int
}

// ends reports whether a tag ends with its last byte; seen bytes of it are known already.
func (w *within) ends(tag []byte, seen int) bool {
	switch {
	case bytes.HasPrefix(tag, []byte("<!--")):
		return len(tag) >= len("<!---->") && bytes.HasSuffix(tag, []byte("-->"))
	case bytes.HasPrefix(tag, []byte("<![CDATA[")):
		return bytes.HasSuffix(tag, []byte("]]>"))
	case bytes.HasPrefix(tag, []byte("<?")):
		return bytes.HasSuffix(tag, []byte("?>"))
	}
	for _, c := range tag[seen:] {
		switch {
		case w.quote != 0:
			if c == w.quote {
				w.quote = 0
			}
		case c == '"' || c == '\'':
			w.quote = c
		case c == '[':
			w.open++
		case c == ']':
			w.open--
		}
	}
	return w.quote == 0 && w.open <= 0
}
