package server_test

import (
	"bufio"
	"fmt"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"vitalwire/server"
)

// sent gives the answer to a message by MLLP.
func sent(t *testing.T, address, message string) string {
	t.Helper()
	wire, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = wire.Close() }()
	_ = wire.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := wire.Write([]byte(message)); err != nil {
		t.Fatal(err)
	}
	answer, err := bufio.NewReader(wire).ReadString(0x1C)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// L64: a device hears the same whether its patient is known and agrees, does not agree to
// what is measured being collected (consentaction collect), or nobody is known to wear it;
// and what a patient does not agree to is not kept, is counted, and is audited.
func TestD6_L64_AcknowledgementsAreAlike(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := open(t)
			mllp := freePort(t)
			s := start(t, store, consenting, func(c *server.Config) { c.MLLP, c.MQTTAddress = mllp, "127.0.0.1:0" })
			root := asker{s.Base, command(t, store, "token", "--scope", "system/*.cruds")}
			gate := asker{s.Root, command(t, store, "token", "--scope", "system/Observation.c")}
			secret := command(t, store, "client", "add", "gw", "--scope", "system/Observation.c", "--secret")
			// Device 0 has a patient who agrees, 1 one who does not, 2 nobody; what 3 says is of a
			// patient who agrees to all but this code.
			const collect = `"action":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentaction","code":"collect"}]}]`
			provisions := []string{`{"type":"permit"}`, `{"type":"permit","provision":[{"type":"deny",` + collect + `}]}`, "",
				`{"type":"permit","provision":[{"type":"deny",` + collect + `,"class":[{"system":"http://hl7.org/fhir/resource-types","code":"Observation"}]}]}`}
			for n, provision := range provisions {
				if provision == "" {
					continue
				}
				p := fmt.Sprint("p", n)
				root.put(t, `{"resourceType":"Patient","id":"`+p+`"}`)
				root.put(t, consentOf("c"+p, p, provision))
				for _, device := range []string{"00A1C9000000080%d", "00A1C9000000090%d"} {
					body := fmt.Sprintf(`{"device":"`+device+`","patient":"Patient/%s","start":"2026-11-19T00:00:00Z"}`, n, p)
					if status, _, answer := (asker{s.Root, root.token}).ask(t, "POST", "/ingest/associations", body, "Content-Type", "application/json"); status != 201 {
						t.Fatal(status, answer)
					}
				}
			}
			plain := regexp.MustCompile(`[0-9]{14}[.0-9]*(\+0000)?|MSA\|AA\|[0-9]+|00A1C90000000[89]0[0-9]|\|[0-9A-F-]{16,}\||"id":"[^"]*"|\|ACK[^|]*\|[^|]*\|`)
			answers := map[string][]string{}
			for n := range provisions {
				answer := sent(t, mllp, pulse(n, 60))
				answers["mllp"] = append(answers["mllp"], plain.ReplaceAllString(answer, ""))
				body := fmt.Sprintf(`{"deviceId":"00A1C9000000090%d","receivedAt":"2026-11-20T00:00:00Z","characteristic":"2A37","hex":"003C"}`, n)
				status, header, answer := gate.ask(t, "POST", "/ingest/blegatt", body, "Content-Type", "application/json")
				header.Del("Date")
				header.Del("X-Request-Id")
				answers["http"] = append(answers["http"], fmt.Sprint(status, header, plain.ReplaceAllString(answer, "")))
				client, in := dialMQTT(t, s.MQTT, "x", "gw", secret)
				token := client.Publish(fmt.Sprintf("ingest/blegatt/00A1C9000000090%d/2A37", n), 1, false, []byte{0, 61})
				if !in || !token.WaitTimeout(20*time.Second) {
					t.Fatal("no PUBACK")
				}
				answers["mqtt"] = append(answers["mqtt"], fmt.Sprint(token.Error()))
				client.Disconnect(0)
			}
			for wire, list := range answers {
				for n, answer := range list {
					if answer != list[0] {
						t.Errorf("%s: device %d hears\n%q, the first one\n%q", wire, n, answer, list[0])
					}
				}
			}
			for n, want := range map[int]bool{0: true, 1: false, 3: false} {
				_, _, answer := root.ask(t, "GET", fmt.Sprintf("/Observation?patient=p%d&_summary=count", n), "")
				if none := strings.Contains(answer, `"total":0`); none == want {
					t.Errorf("patient %d: %s", n, answer)
				}
			}
			if _, _, metrics := (asker{s.Root, root.token}).ask(t, "GET", "/metrics", ""); !strings.Contains(metrics, "readings_uncollected 6\n") {
				t.Error("what is not collected is not counted: ", regexp.MustCompile("readings_uncollected [0-9]+").FindString(metrics))
			}
			denied := 0
			for _, line := range decisions(audited(t, asker{s.Base, command(t, store, "token", "--scope", "system/AuditEvent.rs")}, "")) {
				if strings.HasPrefix(line, "denied by Consent Patient/p1 Consent/cp1/_history/1") {
					denied++
				}
			}
			if denied != 3 {
				t.Errorf("%d denials are audited", denied)
			}
		})
	}
}
