package audit

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/google/uuid"
)

// The queue of events that are not stored yet: files in a directory, each of which one
// process appends to and reads. It holds the lock of its files; those of a process that
// is gone are taken over by another one. A line that was written survives kill -9, as
// the operating system has it.

// ErrFull is the error of a queue that has reached its bound.
var ErrFull = errors.New("audit: the queue is full")

// segment is one file of the queue.
type segment struct {
	file *os.File
	name string
	size int64 // bytes of whole lines
	read int64 // bytes that are stored
}

// spool is the queue. Its methods are safe for concurrent use.
type spool struct {
	dir   string
	bound int64 // most bytes that wait
	piece int64 // bytes at which another file is begun

	mu       sync.Mutex
	segments []*segment // the last one is appended to
	waiting  int64      // bytes
	events   int64      // lines that wait
}

const suffix = ".spool"

// openSpool opens the queue of a directory, which it makes.
func openSpool(dir string, bound int64) (*spool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s := &spool{dir: dir, bound: bound, piece: 4 << 20}
	if err := s.adopt(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	if err := s.grow(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// adopt takes over files that no process holds. What a line lacks at the end of a file
// was never answered for, and is cut off.
func (s *spool) adopt() error {
	names, err := filepath.Glob(filepath.Join(s.dir, "*"+suffix))
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND, 0o600)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
			_ = f.Close() // another process has it, or we do
			continue
		}
		lines, size, err := whole(f)
		if err == nil {
			err = f.Truncate(size)
		}
		if err != nil {
			return errors.Join(fmt.Errorf("audit: %s: %w", name, err), f.Close())
		}
		// What was there first is stored first.
		s.segments = append([]*segment{{file: f, name: name, size: size}}, s.segments...)
		s.waiting += size
		s.events += lines
	}
	return nil
}

// whole counts the lines of a file that have an end, and their bytes.
func whole(f *os.File) (lines, size int64, err error) {
	r := bufio.NewReaderSize(io.NewSectionReader(f, 0, 1<<62), 64<<10)
	for at := int64(0); ; {
		part, err := r.ReadSlice('\n')
		at += int64(len(part))
		switch {
		case err == nil:
			lines, size = lines+1, at
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return lines, size, nil
		default:
			return lines, size, err
		}
	}
}

// grow begins a file.
func (s *spool) grow() error {
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	// It is locked before it has its name, so that nobody takes it over in between.
	name := filepath.Join(s.dir, id.String()+suffix)
	f, err := os.OpenFile(name+".new", os.O_CREATE|os.O_EXCL|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	if err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
		err = os.Rename(name+".new", name)
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	s.segments = append(s.segments, &segment{file: f, name: name})
	return nil
}

// append writes a line. ErrFull when it has no room; after any error the line is not
// there.
func (s *spool) append(line []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting+int64(len(line)) > s.bound {
		return ErrFull
	}
	last := s.segments[len(s.segments)-1]
	if last.size >= s.piece {
		if err := s.grow(); err != nil {
			return err
		}
		last = s.segments[len(s.segments)-1]
	}
	if _, err := last.file.Write(line); err != nil {
		// Half a line must not be followed by another one.
		return errors.Join(err, last.file.Truncate(last.size))
	}
	last.size += int64(len(line))
	s.waiting += int64(len(line))
	s.events++
	return nil
}

// batch reads lines that wait, the oldest first, at most most of them and of one file.
func (s *spool) batch(most int) (lines [][]byte, of *segment, err error) {
	s.mu.Lock()
	var size int64
	for _, one := range s.segments {
		if one.read < one.size {
			of, size = one, one.size
			break
		}
	}
	s.mu.Unlock()
	if of == nil {
		return nil, nil, nil
	}
	r := bufio.NewReaderSize(io.NewSectionReader(of.file, of.read, size-of.read), 256<<10)
	for len(lines) < most {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, err
		}
		lines = append(lines, line)
	}
	return lines, of, nil
}

// stored takes lines of a file off the queue. A file of which nothing is left is
// emptied, or removed when it is not the last one.
func (s *spool) stored(of *segment, lines [][]byte) error {
	n := int64(len(bytes.Join(lines, nil)))
	s.mu.Lock()
	defer s.mu.Unlock()
	of.read += n
	s.waiting -= n
	s.events -= int64(len(lines))
	if of.read < of.size {
		return nil
	}
	if of == s.segments[len(s.segments)-1] {
		err := of.file.Truncate(0)
		if err == nil {
			of.read, of.size = 0, 0
		}
		return err
	}
	for i, one := range s.segments {
		if one == of {
			s.segments = append(s.segments[:i:i], s.segments[i+1:]...)
		}
	}
	return errors.Join(os.Remove(of.name), of.file.Close())
}

// sync has the disk keep what waits.
func (s *spool) sync() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var failed error
	for _, one := range s.segments {
		failed = errors.Join(failed, one.file.Sync())
	}
	return failed
}

// length is how many events wait, and their bytes.
func (s *spool) length() (events, waiting int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.events, s.waiting
}

// close lets go of the files. Empty ones are removed.
func (s *spool) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var failed error
	for _, one := range s.segments {
		if one.read == one.size {
			failed = errors.Join(failed, os.Remove(one.name))
		}
		failed = errors.Join(failed, one.file.Close())
	}
	s.segments = nil
	return failed
}
