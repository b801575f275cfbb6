package phdtcp_test

import (
	"context"
	"encoding/hex"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"vitalwire/internal/ward"
	"vitalwire/server/ingest"
	"vitalwire/server/ingest/phdtcp"
)

const thermometer = "4C4F57FFFE080011"

// begin serves agents on a store of its own, with the thermometer on Patient/a.
func begin(t *testing.T, change func(*phdtcp.Listener)) (address string, l *phdtcp.Listener, s *ingest.Service) {
	t.Helper()
	s = ward.Open(t)
	ward.Wear(t, s, thermometer, "a")
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l = &phdtcp.Listener{Ingest: s, Adapter: "phd20601", Log: slog.New(slog.DiscardHandler)}
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
	})
	return socket.Addr().String(), l, s
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

func raw(text string) []byte {
	data, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		panic(err)
	}
	return data
}

// The APDUs of a thermometer (10408, configuration 0320) and what a manager owes it.
const (
	aarq    = "E200 0032 8000 0000 0001 002A 5079 0026 8000 0000 8000 8000 0000 0000 0000 0080 0000 0008 4C4F 57FF FE08 0011 0320 0001 0100 0000 0000"
	aare    = "E300 002C 0000 5079 0026 8000 0000 8000 8000 0000 0000 0000 8000 0000 0008 0256 4954 414C 0001 0000 0000 0000 0000 0000 E700 000E 000C 0001 0103 0006 0000 0000 0000"
	mds     = "E700 0062 0060 0001 0203 005A 0000 0006 0054 0A5A 0008 0001 0004 1008 0001 0928 0010 0004 4163 6D65 0008 5468 6572 6D20 3300 0984 000A 0008 4C4F 57FF FE08 0011 0A44 0002 0320 092D 0010 0001 000C 0001 0000 0006 542D 3030 3031 0987 0008 2026 0401 0630 0000"
	report  = "E700 003A 0038 0001 0101 0032 0000 FFFF FFFF 0D1D 0028 F000 0000 0002 0020 0001 000C FE00 0E42 2026 0401 0629 3050 0001 000C FF00 0173 2026 0331 2215 0000"
	confirm = "E700 0012 0010 0001 0201 000A 0000 FFFF FFFF 0D1D 0000"
	rlrq    = "E400 0002 0000"
	rlre    = "E500 0002 0000"
	abrt    = "E600 0002 0000"
)

func expect(t *testing.T, c net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(raw(want)))
	if n, err := io.ReadFull(c, got); err != nil || hex.EncodeToString(got) != hex.EncodeToString(raw(want)) {
		t.Fatalf("% X (%v)\nin place of\n%s", got[:n], err, want)
	}
}

// Test20601_ConfirmedIsStored holds a whole dialogue, a byte at a time and all in one
// piece, twice: a report is stored when it is confirmed, and once.
func Test20601_ConfirmedIsStored(t *testing.T) {
	address, l, s := begin(t, nil)
	for _, slice := range []int{1, 1000} {
		c := dial(t, address)
		say := func(text string) {
			for data := raw(text); len(data) > 0; {
				n := min(slice, len(data))
				if _, err := c.Write(data[:n]); err != nil {
					t.Fatal(err)
				}
				data = data[n:]
			}
		}
		say(aarq)
		expect(t, c, aare)
		say(mds)
		say(report)
		expect(t, c, confirm)
		if got := ward.Values(t, s, "150364"); len(got) != 2 || got["36.50"] != 1 || got["37.1"] != 1 {
			t.Fatal("confirmed and not stored:", got)
		}
		say(rlrq)
		expect(t, c, rlre)
		say(report) // 8.4: outside an association
		expect(t, c, abrt)
	}
	if n := l.Totals(); n.Accepted != 10 || n.Refused != 0 || n.Failed != 0 {
		t.Errorf("%+v", n)
	}
}

// Test20601_Hostile: what is no APDU ends its connection, and no other; a report
// without an association is not taken.
func Test20601_Hostile(t *testing.T) {
	address, l, s := begin(t, func(l *phdtcp.Listener) { l.MaxConnections, l.Stall = 12, 300*time.Millisecond })
	good := dial(t, address)
	_, _ = good.Write(raw(aarq))
	expect(t, good, aare)
	for _, text := range []string{"", "E2", "E200 FFFF 80", "4745 5420", "E200 0000", "E700 0004 0000 0000", report, "E200 0008 8000 0000 0001 FFFF"} {
		c := dial(t, address)
		_, _ = c.Write(raw(text))
		if data, err := io.ReadAll(c); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%s: %v", text, err)
		} else if len(data) > 0 && hex.EncodeToString(data) != hex.EncodeToString(raw(abrt)) {
			t.Errorf("%s: % X", text, data)
		}
	}
	_, _ = good.Write(raw(mds + report))
	expect(t, good, confirm)
	if got := ward.Values(t, s, "150364"); len(got) != 2 {
		t.Error(got)
	}
	for range 12 {
		dial(t, address)
	}
	for until := time.Now().Add(10 * time.Second); l.Totals().TurnedAway == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("%+v", l.Totals())
		}
	}
}

// Test20601_NotStoredIsNotConfirmed takes the store away.
func Test20601_NotStoredIsNotConfirmed(t *testing.T) {
	address, l, s := begin(t, nil)
	c := dial(t, address)
	_, _ = c.Write(raw(aarq))
	expect(t, c, aare)
	_ = s.Store.Close()
	_, _ = c.Write(raw(report))
	expect(t, c, abrt)
	if n := l.Totals(); n.Failed != 1 {
		t.Errorf("%+v", n)
	}
}
