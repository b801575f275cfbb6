// Command smart-app is a small SMART App Launch 2.2 app: it draws a patient's vitals
// as charts. It is a public client whose page does all by itself, in the browser; this
// program only serves the page.
//
// A server that is tried on loopback has registered it as demo-app, so that this is enough:
//
//	vitalwire --auth required
//	go run ./examples/smart-app
//
// Open it, or start it from the EHR (/fhir/auth/launch there). Elsewhere:
//
//	vitalwire client add vitals-chart --name 'Vitals chart' --public \
//	    --redirect http://127.0.0.1:8090/callback --launch http://127.0.0.1:8090/launch \
//	    --scope 'launch launch/patient openid fhirUser online_access patient/Patient.r patient/Observation.rs'
//	go run ./examples/smart-app -client vitals-chart
package main

import (
	"embed"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"net/http"
	"time"
)

//go:embed page
var files embed.FS

func main() {
	listen := flag.String("listen", "127.0.0.1:8090", "address to serve the page at; /callback there is the registered redirect_uri")
	client := flag.String("client", "demo-app", "client_id that it is registered with")
	flag.Parse()
	page, err := fs.Sub(files, "page")
	if err != nil {
		log.Fatal(err)
	}
	routes := http.NewServeMux()
	routes.Handle("/", http.FileServerFS(page))
	for _, path := range []string{"/launch", "/callback"} { // the page finds out by its query what it is asked for
		routes.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, page, "index.html") })
	}
	routes.HandleFunc("/client.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"client_id": *client}) // a browser that has gone needs none
	})
	server := &http.Server{Addr: *listen, Handler: secured(routes), ReadHeaderTimeout: 5 * time.Second}
	fmt.Printf("The app is at http://%s/\n", *listen)
	log.Fatal(server.ListenAndServe())
}

// secured keeps the code in the page's URL from being told to anybody, and scripts of
// others from running. It may ask any server, as the user names it.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src http: https:; base-uri 'none'; form-action 'self'")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-cache")
		next.ServeHTTP(w, r)
	})
}
