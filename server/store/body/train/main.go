// Command train makes the dictionary that bodies are compressed with, from the R4
// examples and a part of the Synthea patients of a folder of test data:
//
//	go run ./server/store/body/train ../shared/data server/store/body/1.dict
//
// A dictionary that was released is never made anew: bodies need it for ever. A
// better one gets the next codec number.
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/dict"
	"github.com/klauspost/compress/zstd"

	"vitalwire/fhir"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: train DATA DICTIONARY")
		os.Exit(2)
	}
	if err := train(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Bounds of what is learnt from: each resource type has its say.
const (
	largest = 8 << 10 // bytes of a sample
	ofType  = 120     // samples of a type from one archive
	size    = 64 << 10
)

func train(data, to string) error {
	var samples [][]byte
	for _, archive := range []string{"r4/r4-examples.tgz", "synthea/synthea-2.7.0-patients.tgz"} {
		more, err := samplesOf(filepath.Join(data, archive))
		if err != nil {
			return err
		}
		samples = append(samples, more...)
	}
	made, err := dict.BuildZstdDict(samples, dict.Options{MaxDictSize: size, HashBytes: 6, ZstdDictID: 1, ZstdLevel: zstd.SpeedBestCompression})
	if err != nil {
		return err
	}
	fmt.Println(len(samples), "samples,", len(made), "bytes")
	return os.WriteFile(to, made, 0o644) //nolint:gosec // a file of the source tree
}

func samplesOf(archive string) ([][]byte, error) {
	f, err := os.Open(archive) //nolint:gosec // whoever runs the generator names it
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	var samples [][]byte
	count := map[string]int{}
	add := func(e *fhir.Element) {
		r, err := fhir.AsResource(e)
		if err != nil {
			return
		}
		if body := r.WithIdentity(r.ID()).JSON(); len(body) <= largest && count[r.Type()] < ofType {
			count[r.Type()]++
			samples = append(samples, body)
		}
	}
	for r, files := tar.NewReader(z), 0; ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return samples, nil
		}
		if err != nil {
			return nil, err
		}
		if !strings.HasSuffix(h.Name, ".json") || h.Size > 8<<20 {
			continue
		}
		text, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		e, err := fhir.ParseElement(bytes.TrimPrefix(text, []byte("\ufeff")))
		if err != nil {
			continue
		}
		if e.Get("resourceType").Text() != "Bundle" {
			add(e)
			continue
		}
		if files++; files%3 == 0 { // the others are for measuring
			for _, entry := range e.Get("entry").Items() {
				add(entry.Get("resource"))
			}
		}
	}
}
