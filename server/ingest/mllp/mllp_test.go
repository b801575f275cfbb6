package mllp_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"vitalwire/adapters/all"
	"vitalwire/adapters/hl7v2"
	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/profiles"
	"vitalwire/server/ingest"
	"vitalwire/server/ingest/mllp"
	"vitalwire/server/interaction"
	"vitalwire/server/store"
	"vitalwire/server/store/sqlite"
)

// begin serves MLLP on a store of its own.
func begin(t *testing.T, change func(*mllp.Listener)) (address string, l *mllp.Listener, s *ingest.Service) {
	t.Helper()
	parameters := search.NewRegistry(profiles.R4(), "http://127.0.0.1/fhir")
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "v.db"), sqlite.Options{Search: parameters})
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	s = &ingest.Service{Store: db, Adapters: all.Adapters(), Zone: time.UTC, Now: time.Now, Log: quiet, Authorities: map[string]string{"HOSP": "urn:hosp"}}
	for _, id := range []string{"a", "b"} {
		patient, err := fhir.ParseResource([]byte(`{"resourceType":"Patient","identifier":[{"system":"urn:hosp","value":"MR-` + id + `"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		if o := db.Apply(t.Context(), store.Unit{Writes: []store.Write{interaction.NewWrite(store.Put, fhir.Key{Type: "Patient", ID: id}, patient)}})[0]; o.Err != nil {
			t.Fatal(o.Err)
		}
	}
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l = &mllp.Listener{Ingest: s, Adapter: "hl7pcd01", Log: quiet}
	if change != nil {
		change(l)
	}
	done := make(chan error, 1)
	go func() { done <- l.Serve(socket) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = l.Stop(ctx)
		_ = socket.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
		_ = db.Close()
	})
	return socket.Addr().String(), l, s
}

// message n of a monitor: a pulse rate.
func message(n int, pid, extra string) string {
	return fmt.Sprintf("MSH|^~\\&|MON^00A1C90000000701^EUI-64|W|||20261120%06d+0100||ORU^R01^ORU_R01|m%d|P|2.6|||NE|AL\rPID|||%s\rPV1||I|ICU^^7\r"+
		"OBR|1|x|x|182777000^monitoring^SCT|||20261120%06d+0100\rOBX|1|NM|149530^MDC_PULS_OXIM_PULS_RATE^MDC|1.1.1.1|%d|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||R\r%s", 100000+n%60, n, pid, 100000+n%60, 60+n, extra)
}

type client struct {
	net.Conn
	in *bufio.Reader
}

func dial(t *testing.T, address string) *client {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return &client{c, bufio.NewReader(c)}
}

func (c *client) send(text string) { _, _ = io.WriteString(c, "\x0B"+text+"\x1C\r") }

// answer is MSA-1 and MSA-2 of the next acknowledgement.
func (c *client) answer(t *testing.T) string {
	t.Helper()
	text, err := c.in.ReadString(0x1C)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = c.in.ReadByte()
	m, err := hl7v2.Parse([]byte(strings.Trim(text, "\x0B\x1C")))
	if err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	msa, _ := m.First("MSA")
	return msa.Field(1).Text() + " " + msa.Field(2).Text()
}

// reading is the identifier of what message n tells of a patient.
func reading(patient string, n int) store.Identifier {
	system := "urn:vitalwire:reading"
	at := time.Date(2026, 11, 20, 10, 0, n, 0, time.UTC).Unix() - time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	return store.Identifier{System: &system, Value: fmt.Sprintf("00A1C90000000701-%s-149530-%d+4-at/1.1.1.1", patient, at)}
}

// stored counts the Observations and the reports that wait.
func stored(t *testing.T, s *ingest.Service) (observations, waiting int) {
	t.Helper()
	list, err := s.Quarantine(t.Context(), "", "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Store.View(t.Context(), func(r store.Reader) error {
		for n := range 60 {
			for _, patient := range []string{"a", "b"} { // the identifier names it
				found, err := r.Holders("Observation", reading(patient, n))
				if err != nil {
					return err
				}
				observations += len(found)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return observations, len(list)
}

func TestMLLP_AnswersInOrderAndStoresOnce(t *testing.T) {
	address, l, s := begin(t, nil)
	c := dial(t, address)
	var stream strings.Builder
	for n := range 5 { // all in one segment
		stream.WriteString("\x0B" + message(n, "MR-a^^^HOSP^MR", "") + "\x1C\r")
	}
	_, _ = io.WriteString(c, stream.String()+stream.String()) // and all of them again
	for i := range 10 {
		if got, want := c.answer(t), fmt.Sprintf("AA m%d", i%5); got != want {
			t.Errorf("answer %d is %q, want %q", i, got, want)
		}
	}
	if observations, waiting := stored(t, s); observations != 5 || waiting != 0 {
		t.Errorf("%d Observations, %d waiting", observations, waiting)
	}
	if got := l.Totals(); got.Messages != 10 || got.Accepted != 10 || got.Connections != 1 || got.Bytes == 0 {
		t.Errorf("%+v", got)
	}
	if list := l.Connections(); len(list) != 1 || list[0].Messages != 10 || list[0].Remote == "" {
		t.Errorf("%+v", list)
	}
}

// The answer is the same whether a patient is known or not.
func TestMLLP_AnswersTellNothingOfPatients(t *testing.T) {
	address, _, s := begin(t, nil)
	c := dial(t, address)
	for i, pid := range []string{"MR-a^^^HOSP^MR", "MR-nobody^^^HOSP^MR", "MR-a^^^ELSEWHERE^MR", "", "MR-a^^^HOSP^MR~MR-b^^^HOSP^MR"} {
		c.send(message(i, pid, ""))
		if got := c.answer(t); got != fmt.Sprintf("AA m%d", i) {
			t.Errorf("%q: %s", pid, got)
		}
	}
	// One patient by his own number; unknown, of no known system, nobody, and two at
	// once wait.
	if observations, waiting := stored(t, s); observations != 1 || waiting != 4 {
		t.Errorf("%d Observations, %d waiting", observations, waiting)
	}
	// Who lay in the bed is told later: all of it is his but what names another.
	_, _, released, err := s.Associate(t.Context(), ingest.Association{Bed: "ICU^^7", Patient: "Patient/a", Start: "2026-11-20T00:00:00Z"})
	if err != nil || released != 2 {
		t.Errorf("%d released, %v", released, err)
	}
	if observations, waiting := stored(t, s); observations != 3 || waiting != 2 {
		t.Errorf("%d Observations, %d waiting", observations, waiting)
	}
	// The monitor on another patient than the bed: nobody is believed.
	if _, _, _, err := s.Associate(t.Context(), ingest.Association{Device: "00A1C90000000701", Patient: "Patient/b", Start: "2026-11-20T00:00:00Z"}); err != nil {
		t.Fatal(err)
	}
	c.send(message(20, "", ""))
	c.answer(t)
	if observations, waiting := stored(t, s); observations != 3 || waiting != 3 {
		t.Errorf("%d Observations, %d waiting", observations, waiting)
	}
}

func TestMLLP_CorrectionsAndDemonstrations(t *testing.T) {
	address, _, s := begin(t, nil)
	c := dial(t, address)
	first := message(0, "MR-a^^^HOSP^MR", "")
	c.send(first)
	c.send(strings.Replace(strings.Replace(first, "|60|", "|61|", 1), "|||||R\r", "|||||C\r", 1))
	c.send(strings.Replace(first, "|||||R\r", "|||||W\r", 1))
	c.send(strings.Replace(message(1, "MR-a^^^HOSP^MR", ""), "|||||R\r", "||DEMO|||R\r", 1))
	for range 4 {
		if got := c.answer(t); !strings.HasPrefix(got, "AA ") {
			t.Error(got)
		}
	}
	err := s.Store.View(t.Context(), func(r store.Reader) error {
		found, err := r.Holders("Observation", reading("a", 0))
		if err != nil || len(found) != 1 || found[0].VersionID != 3 {
			t.Fatalf("%v %v", found, err)
		}
		for version, want := range map[int64][2]string{1: {"final", "60"}, 2: {"corrected", "61"}, 3: {"entered-in-error", ""}} {
			v, err := r.ReadVersion(found[0].Key, version)
			if err != nil {
				return err
			}
			o, err := fhir.ParseResource(v.Body)
			if err != nil {
				return err
			}
			if got := [2]string{o.Get("status").Text(), o.Path("valueQuantity", "value").Text()}; got != want {
				t.Errorf("version %d is %v, want %v", version, got, want)
			}
			if o.Path("device", "reference").Text() == "" || !strings.HasPrefix(o.Path("device", "reference").Text(), "DeviceMetric/") {
				t.Errorf("device %s", o.JSON())
			}
		}
		demo, err := r.Holders("Observation", reading("", 1))
		if err != nil || len(demo) != 1 {
			t.Fatalf("demonstration: %v %v", demo, err)
		}
		o, err := fhir.ParseResource(demo[0].Body)
		if err != nil {
			return err
		}
		if !strings.HasPrefix(o.Path("subject", "reference").Text(), "Device/") || o.Path("meta", "security", "code").Text() != "HTEST" {
			t.Errorf("demonstration: %s", o.JSON())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestMLLP_RefusalsAreKeptAndAnswered(t *testing.T) {
	address, _, s := begin(t, nil)
	c := dial(t, address)
	for sent, want := range map[string]string{
		strings.Replace(message(1, "", ""), "ORU^R01^ORU_R01", "ADT^A01", 1):   "AR m1",
		strings.Replace(message(2, "", ""), "NE|AL\r", "AL|NE||ISO IR87\r", 1): "CE m2",
		strings.Replace(message(3, "", ""), "OBR|1", "ZBR|1", 1):               "AE m3",
	} {
		c.send(sent)
		if got := c.answer(t); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	list, err := s.Refusals(t.Context(), "", 10)
	if err != nil || len(list) != 3 {
		t.Errorf("%d refused, %v", len(list), err)
	}
	c.send(message(4, "MR-a^^^HOSP^MR", ""))
	if got := c.answer(t); got != "AA m4" {
		t.Error(got)
	}
}

func TestMLLP_HostileConnectionsHoldUpNobody(t *testing.T) {
	address, l, _ := begin(t, func(l *mllp.Listener) {
		l.MaxConnections, l.Idle, l.Stall, l.MaxMessage = 3, 300*time.Millisecond, 200*time.Millisecond, 4096
	})
	slow, junk, long := dial(t, address), dial(t, address), dial(t, address)
	_, _ = io.WriteString(slow, "\x0BMSH|") // and no more
	turned := dial(t, address)
	if _, err := turned.in.ReadByte(); err == nil {
		t.Error("a fourth connection was taken")
	}
	_, _ = io.WriteString(junk, "GET / HTTP/1.1\r\n\r\n")
	_, _ = io.WriteString(long, "\x0B"+strings.Repeat("a", 10_000))
	for name, c := range map[string]*client{"slow": slow, "junk": junk, "long": long} {
		if _, err := c.in.ReadByte(); err == nil {
			t.Errorf("%s is answered", name)
		}
	}
	for {
		if len(l.Connections()) == 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	good := dial(t, address)
	good.send(message(1, "", ""))
	if got := good.answer(t); got != "AA m1" {
		t.Error(got)
	}
	if _, err := good.in.ReadByte(); err == nil { // idle
		t.Error("a silent connection stays")
	}
	if l.Totals().TurnedAway != 1 {
		t.Errorf("%+v", l.Totals())
	}
}

func TestMLLP_ManyConnectionsAndAGracefulStop(t *testing.T) {
	address, l, s := begin(t, func(l *mllp.Listener) { l.Ingest.Intake = &ingest.Intake{Working: 2} })
	var senders sync.WaitGroup
	var mu sync.Mutex
	acknowledged := map[int]bool{}
	for w := range 6 {
		c := dial(t, address)
		senders.Go(func() {
			for n := w * 10; n < w*10+10; n++ {
				c.send(message(n, "MR-a^^^HOSP^MR", ""))
				text, err := c.in.ReadString(0x1C)
				if err != nil {
					return // stopped
				}
				_, _ = c.in.ReadByte()
				if strings.Contains(text, fmt.Sprintf("MSA|AA|m%d\r", n)) {
					mu.Lock()
					acknowledged[n] = true
					mu.Unlock()
				}
			}
		})
	}
	for l.Totals().Accepted < 12 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := l.Stop(ctx); err != nil {
		t.Error(err)
	}
	senders.Wait()
	observations, _ := stored(t, s)
	if observations < len(acknowledged) || int64(len(acknowledged)) != l.Totals().Accepted {
		t.Errorf("%d acknowledged, %d accepted, %d stored", len(acknowledged), l.Totals().Accepted, observations)
	}
}
