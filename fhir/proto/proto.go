package proto

import (
	"errors"
	"fmt"

	"github.com/google/fhir/go/fhirversion"
	"github.com/google/fhir/go/jsonformat"
	r4 "github.com/google/fhir/go/proto/google/fhir/proto/r4/core/resources/bundle_and_contained_resource_go_proto"
	"google.golang.org/protobuf/proto"

	"vitalwire/fhir"
)

// Codec converts resources. It is safe for concurrent use. Use New.
type Codec struct {
	read, check *jsonformat.Unmarshaller
	write       *jsonformat.Marshaller
}

// New makes a Codec. Times without an offset are taken as UTC.
func New() (*Codec, error) {
	read, err := jsonformat.NewUnmarshallerWithoutValidation("UTC", fhirversion.R4)
	if err != nil {
		return nil, fmt.Errorf("google/fhir: %w", err)
	}
	check, err := jsonformat.NewUnmarshaller("UTC", fhirversion.R4)
	if err != nil {
		return nil, fmt.Errorf("google/fhir: %w", err)
	}
	// The library's time is quadratic in depth and unbounded by default.
	read.MaxNestingDepth, check.MaxNestingDepth = fhir.MaxDepth, fhir.MaxDepth
	write, err := jsonformat.NewMarshaller(false, "", "", fhirversion.R4)
	if err != nil {
		return nil, fmt.Errorf("google/fhir: %w", err)
	}
	return &Codec{read: read, check: check, write: write}, nil
}

// ToProto gives the resource as a message. The error is Unprocessable where the
// library refuses it. What the library drops or rounds is said in the package
// comment.
func (c *Codec) ToProto(r *fhir.Resource) (*r4.ContainedResource, error) {
	return guard(func() (*r4.ContainedResource, error) { return c.toProto(c.read, r.Root(), 0) })
}

// Check asks the library whether the resource is valid: structure, formats,
// required elements, bindings and reference types. It knows no invariants and no
// profiles. Nil means that it has nothing to say against it.
func (c *Codec) Check(r *fhir.Resource) error {
	_, err := guard(func() (*r4.ContainedResource, error) { return c.toProto(c.check, r.Root(), 0) })
	return err
}

// FromProto gives a message as a resource. Members come in alphabetical order,
// resourceType first.
func (c *Codec) FromProto(m *r4.ContainedResource) (*fhir.Resource, error) {
	root, err := guard(func() (*fhir.Element, error) { return c.fromProto(m, 0) })
	if err != nil {
		return nil, err
	}
	return fhir.AsResource(root)
}

// Marshal gives the resource in the binary form of protocol buffers, the same
// bytes each time.
func (c *Codec) Marshal(r *fhir.Resource) ([]byte, error) {
	m, err := c.ToProto(r)
	if err != nil {
		return nil, err
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(m)
}

// Unmarshal reads what Marshal wrote.
func (c *Codec) Unmarshal(data []byte) (*fhir.Resource, error) {
	var m r4.ContainedResource
	if err := proto.Unmarshal(data, &m); err != nil {
		return nil, fhir.Malformed("", "this is no protocol buffer of an R4 resource").WithCause(err)
	}
	return c.FromProto(&m)
}

var errPanic = errors.New("the library panicked")

// guard turns a panic of the library into an error.
func guard[T any](do func() (T, error)) (out T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = refused(fmt.Errorf("%w: %v", errPanic, p))
		}
	}()
	return do()
}

// refused is the library's error as ours. Its text names elements, and may hold
// values of the data: it is kept for the log.
func refused(err error) error {
	var own *fhir.Error
	if errors.As(err, &own) {
		return err
	}
	return fhir.Unprocessable("", "google/fhir refuses this resource").WithCause(err)
}
