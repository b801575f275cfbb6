package rest

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"vitalwire/fhir"
)

// leastPacked is how many bytes an answer must have for packing to be worth it.
const leastPacked = 1024

// encoder is what every content coding's writer can do.
type encoder interface {
	io.WriteCloser
	Flush() error
	Reset(io.Writer)
}

// encoders keeps writers for the next answer: each holds hundreds of kilobytes.
var encoders = map[string]*sync.Pool{
	"gzip": {New: func() any { w, _ := gzip.NewWriterLevel(nil, 5); return encoder(w) }},
	"br":   {New: func() any { return encoder(brotli.NewWriterLevel(nil, 4)) }},
	"zstd": {New: func() any {
		w, _ := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithWindowSize(1<<20))
		return encoder(w)
	}},
}

// acceptedCoding picks a content coding by Accept-Encoding (RFC 9110 §12.5.3);
// "" is none. identity is false when the answer must not go unpacked. The error
// is NotAcceptable when neither can be.
func acceptedCoding(header http.Header) (coding string, identity bool, err error) {
	values := header.Values("Accept-Encoding")
	if len(values) == 0 {
		return "", true, nil
	}
	given := map[string]float64{}
	for _, part := range commaList(strings.Join(values, ",")) {
		name, parameters, _ := strings.Cut(part, ";")
		name = strings.ToLower(strings.TrimSpace(name))
		if name == "x-gzip" {
			name = "gzip"
		}
		given[name] = quality(parameters)
	}
	rest, hasRest := given["*"]
	best := 0.0
	for _, name := range codings {
		q, named := given[name]
		if !named && hasRest {
			q = rest
		}
		if q > best {
			best, coding = q, name
		}
	}
	plain, named := given["identity"]
	switch {
	case !named && hasRest:
		identity = rest > 0
	case !named:
		identity = true
	default:
		identity = plain > 0
		if plain > best {
			coding = ""
		}
	}
	if coding == "" && !identity {
		return "", true, fhir.NotAcceptable("no coding in Accept-Encoding is written; %s are", strings.Join(codings, ", "))
	}
	return coding, identity, nil
}

// quality reads ";q=" (RFC 9110 §12.4.2): 1 when there is none, 0 when it is no number.
func quality(parameters string) float64 {
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(parameter, "=")
		if strings.EqualFold(strings.TrimSpace(name), "q") {
			q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil || !(q >= 0 && q <= 1) {
				return 0
			}
			return q
		}
	}
	return 1
}

// packer packs the body of an answer as it is written.
type packer struct {
	http.ResponseWriter
	coding string
	always bool // even when it is short
	bare   bool // a HEAD: no body follows
	begun  bool
	to     encoder
}

func (p *packer) WriteHeader(status int) {
	if !p.begun && status >= 200 {
		p.begun = true
		if h := p.Header(); p.worth(status, h) {
			h.Set("Content-Encoding", p.coding)
			h.Del("Content-Length")
			if !p.bare {
				p.to, _ = encoders[p.coding].Get().(encoder)
				p.to.Reset(p.ResponseWriter)
			}
		}
	}
	p.ResponseWriter.WriteHeader(status)
}

func (p *packer) worth(status int, h http.Header) bool {
	if status == http.StatusNoContent || status == http.StatusNotModified || h.Get("Content-Encoding") != "" {
		return false
	}
	if length, err := strconv.Atoi(h.Get("Content-Length")); err == nil && (length == 0 || length < leastPacked && !p.always) {
		return false
	}
	// What is packed already (an image, an archive) gains nothing.
	media := h.Get("Content-Type")
	return p.always || strings.HasPrefix(media, "text/") || strings.Contains(media, "json") || strings.Contains(media, "xml")
}

func (p *packer) Write(b []byte) (int, error) {
	if !p.begun {
		p.WriteHeader(http.StatusOK)
	}
	if p.to == nil {
		return p.ResponseWriter.Write(b)
	}
	return p.to.Write(b)
}

// Flush sends on what was written, for answers that grow.
func (p *packer) Flush() {
	if p.to != nil {
		_ = p.to.Flush() // the next Write tells
	}
	if f, ok := p.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

// Hijack is for protocols over HTTP.
func (p *packer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if h, ok := p.ResponseWriter.(http.Hijacker); ok {
		return h.Hijack()
	}
	return nil, nil, errors.New("the connection cannot be taken over")
}

// Unwrap is for http.ResponseController.
func (p *packer) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// close ends the coding.
func (p *packer) close() {
	if p.to == nil {
		return
	}
	_ = p.to.Close() // a client that has gone needs no end
	p.to.Reset(io.Discard)
	encoders[p.coding].Put(p.to)
	p.to = nil
}
