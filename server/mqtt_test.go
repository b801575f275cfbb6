package server_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"vitalwire/internal/spawn"
	"vitalwire/server"
)

// dialMQTT connects, or says that it was not let in.
func dialMQTT(t *testing.T, address, id, user, password string) (paho.Client, bool) {
	t.Helper()
	c := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + address).SetClientID(id).SetUsername(user).SetPassword(password).
		SetAutoReconnect(false).SetConnectTimeout(10 * time.Second))
	token := c.Connect()
	if !token.WaitTimeout(20 * time.Second) {
		t.Fatal("no CONNACK")
	}
	t.Cleanup(func() { c.Disconnect(0) })
	return c, token.Error() == nil
}

// TestMQTT_DevicesAndNobody lets in, without tokens, nobody by no name and a device by
// its secret, and nobody by any other name.
func TestMQTT_DevicesAndNobody(t *testing.T) {
	address := freePort(t)
	p := spawn.Start(t, "sqlite:"+t.TempDir()+"/v.db", "--mqtt", address)
	root := strings.TrimSuffix(p.Base, "/fhir")
	status, _, answer := exchange(http.MethodPost, root+"/ingest/devices", `{"device":"00-A1-C9-00-00-00-02-01","secret":true}`, "Content-Type", "application/json")
	var enrolled struct{ Device, State, Secret string }
	if err := json.Unmarshal([]byte(answer), &enrolled); err != nil || status != http.StatusOK || enrolled.State != "approved" || enrolled.Secret == "" {
		t.Fatal(status, answer, err)
	}
	for _, c := range []struct {
		user, password string
		in             bool
	}{{"", "", true}, {"00A1C90000000201", enrolled.Secret, true}, {"00-a1-c9-00-00-00-02-01", enrolled.Secret, true},
		{"00A1C90000000201", "guess", false}, {"00A1C90000000202", enrolled.Secret, false}, {"somebody", "", false}} {
		client, in := dialMQTT(t, address, "x", c.user, c.password)
		if in != c.in {
			t.Errorf("%s %s: %v", c.user, c.password, in)
		}
		if in {
			token := client.Publish("ingest/blegatt/00A1C90000000201/envelope", 1, false, `{"receivedAt":"2026-11-20T00:00:00Z","characteristic":"2A37","hex":"003C"}`)
			if !token.WaitTimeout(20*time.Second) || token.Error() != nil {
				t.Error(token.Error())
			}
		}
	}
	if status, _, answer = exchange(http.MethodGet, root+"/ingest/quarantine", ""); status != http.StatusOK || strings.Count(answer, `"frame"`) != 1 {
		t.Error(status, answer)
	}
	if status, _, answer = exchange(http.MethodGet, root+"/ingest/devices", ""); status != http.StatusOK || !strings.Contains(answer, `"hasSecret":true`) || strings.Contains(answer, "secretHash") {
		t.Error(status, answer)
	}
}

// TestMQTT_ClientsWithASecret lets in, with tokens, clients that may submit frames, and
// nobody by no name.
func TestMQTT_ClientsWithASecret(t *testing.T) {
	store := stores["sqlite"](t)
	s := start(t, store, required, func(c *server.Config) { c.MQTTAddress = "127.0.0.1:0" })
	gateway := command(t, store, "client", "add", "gw", "--scope", "system/Observation.c", "--secret")
	reader := command(t, store, "client", "add", "reader", "--scope", "system/Observation.rs", "--secret")
	for _, c := range []struct {
		user, password string
		in             bool
	}{{"gw", gateway, true}, {"gw", reader, false}, {"reader", reader, false}, {"", "", false}, {"gw", "", false}} {
		client, in := dialMQTT(t, s.MQTT, "x", c.user, c.password)
		if in != c.in {
			t.Errorf("%s: %v", c.user, in)
		}
		if in {
			token := client.Publish("ingest/blegatt/00A1C90000000201/2A37", 1, false, []byte{0, 60})
			if !token.WaitTimeout(20*time.Second) || token.Error() != nil {
				t.Error(token.Error())
			}
		}
	}
}
