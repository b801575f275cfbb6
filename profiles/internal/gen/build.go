package main

import (
	"archive/tar"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"vitalwire/fhir"
	"vitalwire/profiles/internal/pack"
	"vitalwire/profiles/internal/revert"
	"vitalwire/profiles/internal/slim"
)

// bundles are the files of the npm package that hold R4, in the order their
// definitions are written: what is used together lies together.
var bundles = []string{
	"profiles-types.json", "profiles-resources.json", "search-parameters.json", "valuesets.json",
	"profiles-others.json", "extension-definitions.json", "v3-codesystems.json", "v2-tables.json", "conceptmaps.json",
}

const folder = "package/dist/fhir/r4/"

// build makes the pack of an archive and says what is in it.
func build(archive []byte) (packed []byte, counts string, err error) {
	files, err := unpack(archive)
	if err != nil {
		return nil, "", err
	}
	b := pack.New(flate.BestCompression)
	used := make(revert.Used)
	number := make(map[string]int)
	for _, name := range bundles {
		if files[name] == nil {
			return nil, "", fmt.Errorf("the archive has no %s", name)
		}
		bundle, err := fhir.ParseResource(files[name])
		if err != nil {
			return nil, "", fmt.Errorf("%s: %w", name, err)
		}
		for _, entry := range bundle.Get("entry").Items() {
			r, err := fhir.AsResource(entry.Get("resource"))
			if err != nil {
				return nil, "", fmt.Errorf("%s: %w", name, err)
			}
			keep, err := revert.Definition(r, used)
			if err != nil {
				return nil, "", fmt.Errorf("%s: %w", name, err)
			}
			if !keep {
				continue
			}
			slim.Definition(r)
			if err := b.Add(r, ""); err != nil {
				return nil, "", err
			}
			number[r.Type()]++
		}
	}
	if unused := revert.Unused(used); len(unused) > 0 {
		return nil, "", fmt.Errorf("facts that meet nothing: %s", strings.Join(unused, ", "))
	}
	var words []string
	for _, typ := range slices.Sorted(maps.Keys(number)) {
		words = append(words, fmt.Sprintf("%d %s", number[typ], typ))
	}
	packed, err = b.Bytes()
	return packed, strings.Join(words, ", "), err
}

// unpack reads the wanted files; the archive's checksum was verified before.
func unpack(archive []byte) (map[string][]byte, error) {
	unzipped, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte)
	for members := tar.NewReader(unzipped); ; {
		header, err := members.Next()
		if err == io.EOF {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		name, ok := strings.CutPrefix(header.Name, folder)
		if !ok || !slices.Contains(bundles, name) {
			continue
		}
		if files[name], err = io.ReadAll(members); err != nil {
			return nil, err
		}
	}
}
