package profiles

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"path"
	"strings"

	"vitalwire/fhir"
	"vitalwire/profiles/internal/pack"
)

// Limits bound what an archive may cost. Archives are untrusted: what goes over
// a limit is refused as a whole.
type Limits struct {
	Packed   int64 // bytes of the archive
	Unpacked int64 // bytes of all files in it
	File     int64 // bytes of one file that is read
	Files    int   // members of any kind
	Ratio    int64 // unpacked bytes per packed byte
	Kept     int   // compressed bytes kept in memory
}

// DefaultLimits hold the largest published R4 packages several times over
// (hl7.terminology.r4 7.0.1: 3 MB packed, 26 MB unpacked, 3,406 files).
func DefaultLimits() Limits {
	return Limits{
		Packed: 64 << 20, Unpacked: 512 << 20, File: 32 << 20, Files: 50_000, Ratio: 150, Kept: 96 << 20,
	}
}

// refuse is the error for an archive that cannot be a package.
func refuse(format string, args ...any) *fhir.Error {
	return fhir.Unprocessable("", "package: "+format, args...)
}

// level is how hard packages are compressed in memory: the fourth costs half
// the time of the sixth, for a tenth more bytes.
const level = 4

// ReadPackage reads a FHIR NPM package (.tgz: gzip, tar, a folder package/ with
// package.json and one JSON file per definition). Folders below package/, such
// as example/, and files that are no JSON are passed over; .index.json is not
// trusted. An archive without package.json takes its name from hint, a file's
// name. Loading ends early when ctx is done.
//
// The error is an Unprocessable *fhir.Error for an archive that is no R4
// package or not safe, a TooLong one for one over a limit.
func ReadPackage(ctx context.Context, in io.Reader, hint string, limits Limits) (*Package, error) {
	a := &archive{ctx: ctx, limits: limits, in: in}
	unzipped, err := gzip.NewReader(a)
	if err != nil {
		return nil, a.broken("not gzip", err)
	}
	defer unzipped.Close()
	a.members = tar.NewReader(&meter{archive: a, in: unzipped})

	p := &Package{}
	a.builder = pack.New(level)
	if err := a.files(p, hint); err != nil {
		return nil, err
	}
	built, err := a.builder.Pack()
	if err != nil {
		return nil, err
	}
	if p.Name == "" {
		p.name(hint)
	}
	for i := range built.Entries {
		built.Entries[i].Package = p.Key()
	}
	if len(built.Entries) == 0 {
		return nil, refuse("%s holds no R4 definitions in package/", p.Key())
	}
	p.shelf = newShelf(built, p)
	return p, nil
}

// name takes the name of a package without package.json from its file.
func (p *Package) name(hint string) {
	base := strings.TrimSuffix(path.Base(strings.ReplaceAll(hint, `\`, "/")), ".tgz")
	if !validName(base) || base == "." || base == "/" {
		base = "unnamed"
	}
	p.Name = base
	p.note("the archive has no package.json")
}

// archive is an archive being read, and what of the limits is used.
type archive struct {
	ctx      context.Context
	limits   Limits
	in       io.Reader
	members  *tar.Reader
	builder  *pack.Builder
	packed   int64
	unpacked int64
}

// Read counts the packed bytes.
func (a *archive) Read(b []byte) (int, error) {
	if err := a.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := a.in.Read(b)
	a.packed += int64(n)
	if a.packed > a.limits.Packed {
		return n, fhir.TooLong("package: the archive is over %d MiB", a.limits.Packed>>20)
	}
	return n, err
}

// meter counts the unpacked bytes, whether they are looked at or passed over.
type meter struct {
	archive *archive
	in      io.Reader
}

func (m *meter) Read(b []byte) (int, error) {
	n, err := m.in.Read(b)
	a := m.archive
	a.unpacked += int64(n)
	if a.unpacked > a.limits.Unpacked {
		return n, fhir.TooLong("package: the files are over %d MiB", a.limits.Unpacked>>20)
	}
	// A small archive may well be repetitive: a mebibyte is free.
	if a.unpacked > 1<<20 && a.unpacked/max(a.packed, 1) > a.limits.Ratio {
		return n, fhir.TooLong("package: the archive unpacks to more than %d times its size", a.limits.Ratio)
	}
	return n, err
}

// broken says what is wrong with the archive, unless it is a limit or the end
// of the context that stopped the reading.
func (a *archive) broken(what string, err error) error {
	var known *fhir.Error
	if errors.As(err, &known) {
		return known
	}
	if ctxErr := a.ctx.Err(); ctxErr != nil {
		return ctxErr
	}
	return refuse("%s", what).WithCause(err)
}

// files goes through the members of the archive.
func (a *archive) files(p *Package, hint string) error {
	for count := 0; ; count++ {
		header, err := a.members.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return a.broken("the archive is damaged", err)
		}
		if count >= a.limits.Files {
			return fhir.TooLong("package: the archive has over %d members", a.limits.Files)
		}
		name, err := member(header)
		if err != nil {
			return err
		}
		if name == "" {
			continue
		}
		data, err := a.file(header)
		if err != nil {
			return err
		}
		if name == "package.json" {
			if p.Name != "" {
				return refuse("package.json appears twice")
			}
			err = p.manifest(data)
		} else {
			err = p.add(a.builder, name, data)
		}
		if err != nil {
			return err
		}
		if a.builder.Packed() > a.limits.Kept {
			return fhir.TooLong("package: %s keeps more than %d MiB", hint, a.limits.Kept>>20)
		}
	}
}

// member gives the name of a file to read, "" for what is passed over. What has
// no place in a package - links, devices, paths that lead out - is refused.
func member(header *tar.Header) (string, error) {
	switch header.Typeflag {
	case tar.TypeReg, tar.TypeDir:
	case tar.TypeXGlobalHeader:
		return "", nil
	default:
		return "", refuse("the archive has a member that is neither file nor folder")
	}
	name := strings.TrimPrefix(header.Name, "./")
	for _, part := range strings.Split(name, "/") {
		if part == ".." {
			return "", refuse("the archive has a path that leads out of it")
		}
	}
	if strings.HasPrefix(name, "/") || strings.ContainsAny(name, "\\\x00") || len(name) > 1 && name[1] == ':' {
		return "", refuse("the archive has a path that is not relative")
	}
	name, inside := strings.CutPrefix(name, "package/")
	if header.Typeflag == tar.TypeDir || !inside || strings.Contains(name, "/") ||
		strings.HasPrefix(name, ".") || !strings.HasSuffix(name, ".json") {
		return "", nil
	}
	return name, nil
}

func (a *archive) file(header *tar.Header) ([]byte, error) {
	if header.Size > a.limits.File {
		return nil, fhir.TooLong("package: a file is over %d MiB", a.limits.File>>20)
	}
	data := make([]byte, 0, min(header.Size, 1<<20))
	for {
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
		n, err := a.members.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if err == io.EOF {
			return data, nil
		}
		if err != nil {
			return nil, a.broken("a file is damaged", err)
		}
	}
}
