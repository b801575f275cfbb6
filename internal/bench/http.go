package bench

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"time"
)

// client of all requests: as many kept connections as there are clients.
var client = &http.Client{Timeout: 10 * time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true}}

// send gives status, headers and body of an answer.
func send(method, url, media string, body []byte) (int, http.Header, []byte, error) {
	request, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", media)
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, nil, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	return response.StatusCode, response.Header, data, err
}

// want is send where only one status is good.
func want(status int, method, url string, body []byte) ([]byte, error) {
	got, _, answer, err := send(method, url, "application/fhir+json", body)
	if err == nil && got != status {
		err = fmt.Errorf("%s %s: %d %.300s", method, url, got, answer)
	}
	return answer, err
}
