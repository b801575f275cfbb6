// Command smart-app is a small SMART App Launch 2.2 app: it draws a patient's vitals
// as charts. It is a public client whose page does all by itself, in the browser; this
// program only serves the page.
//
// Register it, start it, and open it, or start it from the EHR (…/fhir/auth/launch):
//
//	vitalwire client add vitals-chart --name 'Vitals chart' --public \
//	    --redirect http://127.0.0.1:9090/ --launch http://127.0.0.1:9090/ \
//	    --scope 'launch launch/patient openid fhirUser online_access patient/Patient.r patient/Observation.rs'
//	go run ./examples/smart-app
package main

import (
	"embed"
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
	listen := flag.String("listen", "127.0.0.1:9090", "address to serve the page at; its URL is the registered redirect_uri")
	flag.Parse()
	page, err := fs.Sub(files, "page")
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Addr: *listen, Handler: secured(http.FileServerFS(page)), ReadHeaderTimeout: 5 * time.Second}
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
