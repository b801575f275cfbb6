package bench

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"vitalwire/internal/shared"
)

// Synthea makes any number of patients out of the 45 in shared/data: each is a
// transaction bundle of Synthea with ids, family name and days of its own.
type Synthea struct {
	// Common are the bundles of hospitals and practitioners, to be loaded first.
	Common   [][]byte
	patients []syntheticPatient
}

type syntheticPatient struct {
	text    []byte
	own     map[string]bool // the ids that the bundle defines
	entries int
}

var (
	uuids    = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	fullURLs = regexp.MustCompile(`"fullUrl":\s*"urn:uuid:([0-9a-f-]{36})"`)
	days     = regexp.MustCompile(`"(?:19|20)\d\d-\d\d-\d\d`)
	families = regexp.MustCompile(`("family":\s*"[A-Za-z]+)\d*"`)
)

// LoadSynthea reads the bundles with at most so many entries (0: all). The test
// is skipped where ../shared is absent.
func LoadSynthea(b testing.TB, largest int) *Synthea {
	f, err := os.Open(shared.Path(b, "data", "synthea", "synthea-2.7.0-patients.tgz"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		b.Fatal(err)
	}
	s := &Synthea{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			b.Fatal(err)
		}
		if !strings.HasSuffix(h.Name, ".json") {
			continue
		}
		text, err := io.ReadAll(r)
		if err != nil {
			b.Fatal(err)
		}
		name := h.Name[strings.LastIndexByte(h.Name, '/')+1:]
		if strings.HasPrefix(name, "0-") {
			s.Common = append(s.Common, text)
			continue
		}
		p := syntheticPatient{text: text, own: map[string]bool{}}
		for _, m := range fullURLs.FindAllSubmatch(text, -1) {
			p.own[string(m[1])] = true
			p.entries++
		}
		if largest == 0 || p.entries <= largest {
			s.patients = append(s.patients, p)
		}
	}
	if len(s.patients) == 0 {
		b.Fatalf("no patient has at most %d entries", largest)
	}
	return s
}

// Patient gives the k-th patient as a transaction, and how many entries it has.
// The first ones are Synthea's; each later round moves them by days and gives
// them new ids, so that nothing is stored twice and references stay whole.
func (s *Synthea) Patient(k int) ([]byte, int) {
	p := s.patients[k%len(s.patients)]
	round := k / len(s.patients)
	if round == 0 {
		return p.text, p.entries
	}
	text := uuids.ReplaceAllFunc(p.text, func(id []byte) []byte {
		if !p.own[string(id)] {
			return id
		}
		h := sha256.Sum256(fmt.Appendf(nil, "%d/%s", round, id))
		h[6], h[8] = h[6]&0x0f|0x40, h[8]&0x3f|0x80 // a random UUID's version and variant
		return fmt.Appendf(nil, "%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])
	})
	text = days.ReplaceAllFunc(text, func(day []byte) []byte {
		at, err := time.Parse("2006-01-02", string(day[1:]))
		if err != nil {
			return day
		}
		return []byte(`"` + at.AddDate(0, 0, -(round%1000)).Format("2006-01-02"))
	})
	return families.ReplaceAll(text, fmt.Appendf(nil, `${1}%d"`, round)), p.entries
}

// Load posts patients from..to-1, four at a time, and gives how many resources
// were stored in a second.
func (s *Synthea) Load(b testing.TB, base string, from, to int, common bool) (resources int, rate float64) {
	b.Helper()
	if common {
		for _, text := range s.Common {
			if _, err := want(200, "POST", base, text); err != nil {
				b.Fatal(err)
			}
		}
	}
	counts := make([]int, to-from)
	began := time.Now()
	loop(b, 4, to-from, 0, func(_ *rand.Rand, i int) error {
		text, entries := s.Patient(from + i)
		answer, err := want(200, "POST", base, text)
		counts[i] = entries
		if err == nil && !bytes.Contains(answer, []byte("transaction-response")) {
			err = fmt.Errorf("%.200s", answer)
		}
		return err
	})
	for _, n := range counts {
		resources += n
	}
	return resources, float64(resources) / time.Since(began).Seconds()
}
