package mllp

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// script is a source that gives its parts one by one.
type script struct{ parts []string }

func (s *script) between() error { return nil }
func (s *script) within()        {}

func (s *script) Read(into []byte) (int, error) {
	if len(s.parts) == 0 {
		return 0, io.EOF
	}
	n := copy(into, s.parts[0])
	if s.parts[0] = s.parts[0][n:]; s.parts[0] == "" {
		s.parts = s.parts[1:]
	}
	return n, nil
}

func all(parts ...string) (messages []string, err error) {
	f := newFrames(&script{parts}, 100)
	for {
		m, err := f.next()
		if err != nil {
			return messages, err
		}
		messages = append(messages, string(m))
	}
}

func TestMLLP_FramesSplitAnywhere(t *testing.T) {
	stream := "\x0BMSH|one\rPID|1\r\x1C\x0D\x0BMSH|two\r\x1C\x0D"
	for at := range len(stream) {
		got, err := all(stream[:at], stream[at:])
		if !errors.Is(err, io.EOF) || len(got) != 2 || got[0] != "MSH|one\rPID|1\r" || got[1] != "MSH|two\r" {
			t.Fatalf("split at %d: %q %v", at, got, err)
		}
	}
	if got, err := all(strings.Split(stream, "")...); !errors.Is(err, io.EOF) || len(got) != 2 {
		t.Fatalf("byte by byte: %q %v", got, err)
	}
}

func TestMLLP_TolerantBetweenFrames(t *testing.T) {
	for name, stream := range map[string]string{
		"no CR after the block": "\x0Ba\x1C\x0Bb\x1C", "LF": "\x0Ba\x1C\r\n\x0Bb\x1C\r\n", "lines before": "\r\n\x0Ba\x1C\r\r\n\x0Bb\x1C\r", "NUL": "\x0Ba\x1C\r\x00\x0Bb\x1C\r",
		"given up and begun anew": "\x0Bhalf a\x0Ba\x1C\r\x0Bb\x1C\r",
	} {
		if got, err := all(stream); !errors.Is(err, io.EOF) || strings.Join(got, "") != "ab" {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
	for name, c := range map[string]struct {
		stream string
		want   error
	}{
		"no frame":     {"MSH|", errFrame},
		"out of step":  {"\x0Ba\x1C\rMSH", errFrame},
		"cut":          {"\x0Ba", io.ErrUnexpectedEOF},
		"too long":     {"\x0B" + strings.Repeat("a", 101) + "\x1C\r", errFrame},
		"blanks alone": {strings.Repeat("\r", 2000), errFrame},
	} {
		if _, err := all(c.stream); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, _ := all("\x0B" + strings.Repeat("a", 100) + "\x1C\r"); len(got) != 1 {
		t.Error("a message of the largest size is refused")
	}
}

func FuzzFrames(f *testing.F) {
	f.Add("\x0BMSH|one\rPID|1\r\x1C\x0D\x0BMSH|two\r\x1C\x0D", 7)
	f.Fuzz(func(t *testing.T, stream string, at int) {
		at = max(0, min(at, len(stream)))
		one, errOne := all(stream)
		two, errTwo := all(stream[:at], stream[at:])
		if strings.Join(one, "\x0B") != strings.Join(two, "\x0B") || (errOne == nil) != (errTwo == nil) {
			t.Fatalf("split at %d: %q and %q", at, one, two)
		}
	})
}
