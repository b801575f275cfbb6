package rest

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"vitalwire/fhir"
)

// codings are the content codings read and written (RFC 9110 §8.4.1, RFC 7932,
// RFC 8878), the most wished for first.
var codings = []string{"zstd", "br", "gzip"}

// maxWindow bounds what a zstd body makes a decoder keep (RFC 9659 §3).
const maxWindow = 8 << 20

// unpack bounds the body and takes its content coding away. A body that unpacks
// to more than the limit ends in the same error as one that was sent so long.
func unpack(w http.ResponseWriter, r *http.Request, limit int64) error {
	packed := http.MaxBytesReader(w, r.Body, limit)
	coding := strings.ToLower(strings.TrimSpace(strings.Join(r.Header.Values("Content-Encoding"), ",")))
	var open func(io.Reader) (io.ReadCloser, error)
	switch coding {
	case "", "identity":
		r.Body = packed
		return nil
	case "gzip", "x-gzip":
		open = func(in io.Reader) (io.ReadCloser, error) { return gzip.NewReader(in) }
	case "br":
		open = func(in io.Reader) (io.ReadCloser, error) { return io.NopCloser(brotli.NewReader(in)), nil }
	case "zstd":
		open = func(in io.Reader) (io.ReadCloser, error) {
			d, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
			if err != nil {
				return nil, err
			}
			return d.IOReadCloser(), nil
		}
	default:
		w.Header().Set("Accept-Encoding", strings.Join(codings, ", "))
		return fhir.BadMedia("Content-Encoding %.64q is not read; %s are, one at a time", coding, strings.Join(codings, ", "))
	}
	r.Body = http.MaxBytesReader(w, &unpacker{packed: packed, open: open, coding: coding}, limit)
	r.ContentLength = -1
	r.Header.Del("Content-Encoding")
	return nil
}

// unpacker opens its decoder when it is first read: a request that is refused
// before costs none.
type unpacker struct {
	packed io.ReadCloser
	open   func(io.Reader) (io.ReadCloser, error)
	coding string
	plain  io.ReadCloser
}

func (u *unpacker) Read(p []byte) (int, error) {
	if u.plain == nil {
		plain, err := u.open(bufio.NewReader(u.packed))
		if err != nil {
			return 0, u.wrong(err)
		}
		u.plain = plain
	}
	n, err := u.plain.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = u.wrong(err)
	}
	return n, err
}

func (u *unpacker) wrong(err error) error {
	if tooBig := (*http.MaxBytesError)(nil); errors.As(err, &tooBig) {
		return err
	}
	return fhir.Malformed("", "the body is not %s, or ended early", u.coding).WithCause(err)
}

func (u *unpacker) Close() error {
	if u.plain != nil {
		_ = u.plain.Close() // what it read is judged already
	}
	return u.packed.Close()
}
