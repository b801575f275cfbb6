package drop

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"

	"vitalwire/fhir"
	"vitalwire/server/ingest"
)

// export stores a file of many frames, a frame at a time.
func (f *Folder) export(ctx context.Context, sub ingest.Submission, path string, packed bool) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // it was only read
	most := cmp.Or(f.MaxFile, 16<<30)
	r := &bounded{of: file, left: most, most: most}
	if packed {
		plain, err := gzip.NewReader(bufio.NewReader(file))
		if err != nil {
			return fhir.Malformed("", "the file is not gzip").WithCause(err)
		}
		r.of = unpacked{plain}
	}
	export, err := f.Ingest.SubmitExport(ctx, sub, r, nil)
	f.Log.Info("drop: a file of many frames", "file", sub.Topic, "frames", export.Frames, "refused", export.Refused, "skipped", export.Skipped,
		"created", export.Created, "present", export.Present, "waiting", export.Waiting)
	for _, trouble := range export.Troubles {
		f.Log.Warn("drop: in a file of many frames", "file", sub.Topic, "trouble", trouble)
	}
	return err
}

// unpacked is a gzip file whose faults are the file's.
type unpacked struct{ of io.Reader }

func (u unpacked) Read(p []byte) (int, error) {
	n, err := u.of.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fhir.Malformed("", "the file is not gzip, or ends early").WithCause(err)
	}
	return n, err
}

// bounded refuses what is longer than a file may be.
type bounded struct {
	of         io.Reader
	left, most int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.of.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fhir.TooLong("a file is at most %d bytes, unpacked", b.most)
	}
	return n, err
}
