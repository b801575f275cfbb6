package server_test

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"vitalwire/internal/spawn"
)

func TestMain(m *testing.M) {
	spawn.Serve()
	os.Exit(m.Run())
}

// patient is a client that gives up soon: a killed server never answers.
var patient = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

// notSent is the answer of a server that was not there.
const notSent = "not sent"

// exchange sends a request; status is 0 when no answer came.
func exchange(method, url, body string, headers ...string) (status int, header http.Header, answer string) {
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return 0, nil, ""
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/fhir+json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := patient.Do(request)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return 0, nil, notSent
	}
	if err != nil {
		return 0, nil, ""
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, nil, ""
	}
	return response.StatusCode, response.Header, string(data)
}
