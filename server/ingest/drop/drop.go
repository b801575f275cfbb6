// Package drop takes frames from files that others put into a folder:
// DIR/{adapter}/{name} is one frame, DIR/{adapter}/{name}.json one in its JSON envelope
// (see ingest.ReadEnvelope). A name that begins with an EUI-64 and "_" tells the device.
// A file that is longer than a frame is cut by its adapter, and may be packed with gzip
// (name.gz).
//
// A file is moved to DIR/{adapter}/taken, stored, and moved to done, or to failed with a
// file beside it that says why. What a crash leaves in taken is stored first at the next
// start; what was stored already is found again and made no second time.
package drop

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"vitalwire/fhir"
	"vitalwire/server/ingest"
)

// Folder is watched. Its fields are set once, before Watch; zeros mean the defaults.
type Folder struct {
	Ingest *ingest.Service
	Dir    string
	Log    *slog.Logger
	// MaxFile is the most bytes of a file that its adapter cuts into frames, 16 GiB by
	// default.
	MaxFile int64
	// Every is how often the folder is looked at, 1 second by default; a file that was
	// changed within that time may still be written, and is left for the next look.
	Every time.Duration

	done, failed, waiting atomic.Int64
}

// The folders below that of an adapter.
const (
	takenDir  = "taken"
	doneDir   = "done"
	failedDir = "failed"
)

// Prepare makes the folders of every adapter, and of every template as they are now.
func (f *Folder) Prepare() error {
	for _, adapter := range f.Ingest.Names() {
		if err := f.prepare(adapter); err != nil {
			return err
		}
	}
	return nil
}

func (f *Folder) prepare(adapter string) error {
	for _, sub := range []string{takenDir, doneDir, failedDir} {
		if err := os.MkdirAll(filepath.Join(f.Dir, adapter, sub), 0o700); err != nil {
			return err
		}
	}
	return nil
}

// Totals are the files done and failed since the start, and those that wait because
// they could not be stored.
func (f *Folder) Totals() (done, failed, waiting int64) {
	return f.done.Load(), f.failed.Load(), f.waiting.Load()
}

// Watch takes files until ctx ends.
func (f *Folder) Watch(ctx context.Context) {
	every := f.Every
	if every == 0 {
		every = time.Second
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	var looking sync.Map // by adapter
	var looks sync.WaitGroup
	defer looks.Wait()
	for {
		for _, adapter := range f.Ingest.Names() { // templates come and go
			// A long file in one folder holds up no other.
			if _, at := looking.LoadOrStore(adapter, true); !at {
				looks.Go(func() {
					defer looking.Delete(adapter)
					f.look(ctx, adapter, every)
				})
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// look takes what lies in the folder of one adapter: what was taken before first.
func (f *Folder) look(ctx context.Context, adapter string, settled time.Duration) {
	dir := filepath.Join(f.Dir, adapter)
	if err := f.prepare(adapter); err != nil {
		f.Log.Error("drop: a folder could not be made", "folder", adapter, "error", err)
		return
	}
	for _, file := range files(filepath.Join(dir, takenDir)) {
		f.store(ctx, adapter, file.Name())
	}
	for _, file := range files(dir) {
		info, err := file.Info()
		name := file.Name()
		if err != nil || time.Since(info.ModTime()) < settled || partial(name) || ctx.Err() != nil {
			continue
		}
		// Whoever moves it has it: of two servers on one folder the other finds nothing.
		taken := free(filepath.Join(dir, takenDir, name))
		if err := os.Rename(filepath.Join(dir, name), taken); err != nil {
			if !errors.Is(err, os.ErrNotExist) {
				f.Log.Error("drop: a file could not be taken", "file", filepath.Join(adapter, name), "error", err)
			}
			continue
		}
		f.store(ctx, adapter, filepath.Base(taken))
	}
}

// files are the plain ones of a folder; a link leads nowhere here.
func files(dir string) []os.DirEntry {
	list, _ := os.ReadDir(dir) // one that is gone holds nothing
	return slices.DeleteFunc(list, func(e os.DirEntry) bool { return !e.Type().IsRegular() })
}

// partial are the names that copying programs give to what they still write.
func partial(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") ||
		slices.Contains([]string{".tmp", ".part", ".partial", ".filepart", ".crdownload"}, strings.ToLower(filepath.Ext(name)))
}

// store submits a taken file. One that cannot be stored now stays where it is.
func (f *Folder) store(ctx context.Context, adapter, name string) {
	taken := filepath.Join(f.Dir, adapter, takenDir, name)
	info, err := os.Lstat(taken)
	if err != nil {
		return
	}
	err = f.submit(ctx, adapter, name, taken, info)
	to := doneDir
	if err != nil {
		var declined *ingest.DeclinedError
		if !errors.As(err, &declined) && !hopeless(err) {
			if ctx.Err() == nil {
				f.waiting.Add(1)
				f.Log.Error("drop: a file could not be stored; it is tried again", "file", filepath.Join(adapter, name), "error", err)
			}
			return
		}
		to = failedDir
		f.Log.Warn("drop: a file was refused", "file", filepath.Join(adapter, name), "error", err)
	}
	at := free(filepath.Join(f.Dir, adapter, to, name))
	if to == failedDir {
		if err := os.WriteFile(at+".error.txt", []byte(err.Error()+"\n"), 0o600); err != nil {
			f.Log.Error("drop: why a file failed could not be written", "error", err)
		}
		f.failed.Add(1)
	} else {
		f.done.Add(1)
	}
	if err := os.Rename(taken, at); err != nil {
		f.Log.Error("drop: a file could not be moved", "file", filepath.Join(adapter, name), "error", err)
	}
}

// mostBytes is the largest file: a frame as hex in its envelope.
const mostBytes = 2*ingest.MaxFrame + 64<<10

var named = regexp.MustCompile(`^([0-9A-Fa-f]{12}|[0-9A-Fa-f]{16}|(?:[0-9A-Fa-f]{2}-){7}[0-9A-Fa-f]{2})_`)

// submit stores a taken file. It was received when it was written last, so that a file
// that is stored twice says the same both times.
func (f *Folder) submit(ctx context.Context, adapter, name, path string, info os.FileInfo) error {
	packed := strings.EqualFold(filepath.Ext(name), ".gz")
	long := f.Ingest.Splits(adapter) && (packed || info.Size() > ingest.MaxFrame)
	if info.Size() > mostBytes && !long {
		return fhir.TooLong("a frame is at most %d bytes", ingest.MaxFrame)
	}
	var data []byte
	if info.Size() <= mostBytes {
		var err error
		if data, err = os.ReadFile(path); err != nil {
			return err
		}
	}
	if long && !enveloped(data) {
		return f.export(ctx, told(ingest.Submission{Adapter: adapter}, name, info), path, packed)
	}
	sub, err := read(adapter, data, name, info)
	if err == nil {
		_, err = f.Ingest.Submit(ctx, sub)
	}
	return err
}

// read is the frame of a file.
func read(adapter string, data []byte, name string, info os.FileInfo) (sub ingest.Submission, err error) {
	sub = ingest.Submission{Adapter: adapter, Bytes: data}
	if strings.EqualFold(filepath.Ext(name), ".json") && enveloped(data) {
		if sub, err = ingest.ReadEnvelope(adapter, data); err != nil {
			return sub, err
		}
	}
	sub = told(sub, name, info)
	switch {
	case len(sub.Bytes) == 0:
		return sub, fhir.Malformed("", "the file is empty").WithCode(fhir.CodeRequired)
	case len(sub.Bytes) > ingest.MaxFrame:
		return sub, fhir.TooLong("a frame is at most %d bytes", ingest.MaxFrame)
	}
	return sub, nil
}

// told is a frame with what its file's name and time tell.
func told(sub ingest.Submission, name string, info os.FileInfo) ingest.Submission {
	if found := named.FindStringSubmatch(name); found != nil && sub.Device == "" {
		sub.Device = found[1]
	}
	if sub.Received == "" {
		sub.Received = info.ModTime().UTC().Format(time.RFC3339Nano)
	}
	sub.Topic, sub.Source = sub.Adapter+"/"+name, "drop "+sub.Adapter
	return sub
}

// enveloped tells an envelope from a JSON document that is a frame itself.
func enveloped(data []byte) bool {
	e, err := fhir.ParseElement(data)
	return err == nil && (e.Get("hex") != nil || e.Get("base64") != nil)
}

// hopeless reports whether the same would fail again: the file is wrong, not the server.
func hopeless(err error) bool {
	switch fhir.SituationOf(err) {
	case fhir.SituationMalformed, fhir.SituationBadSearch, fhir.SituationUnknownType, fhir.SituationTooLong, fhir.SituationUnprocessable:
		return true
	}
	return false
}

// free is a path that nobody has yet: an earlier file of the name stays.
func free(path string) string {
	ext := filepath.Ext(path)
	stem := strings.TrimSuffix(path, ext)
	for try := path; ; try = stem + "." + time.Now().UTC().Format("20060102T150405.000000000") + ext {
		if _, err := os.Lstat(try); errors.Is(err, os.ErrNotExist) {
			return try
		}
	}
}
