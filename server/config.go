package server

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/agnivade/levenshtein"
	"github.com/alecthomas/kong"

	"vitalwire/fhir"
	"vitalwire/server/telemetry"
)

// Config is everything that can be set, as flags and as environment variables.
type Config struct {
	Listen       string        `env:"VITALWIRE_LISTEN" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address to listen on. One beyond loopback takes --auth required, and --tls-cert or --behind-proxy."`
	Auth         string        `env:"VITALWIRE_AUTH" enum:"off,required" default:"off" help:"Access tokens: off (everybody who can connect may do everything, so only on loopback) or required."`
	AccessTokens string        `env:"VITALWIRE_ACCESS_TOKENS" enum:"opaque,jwt" default:"opaque" help:"Form of access tokens: opaque, or jwt (RFC 9068) for resource servers that read them themselves. Both are good only until they are revoked here."`
	BrandsFile   string        `env:"VITALWIRE_BRANDS" name:"brands" type:"existingfile" placeholder:"FILE" help:"Bundle of user-access brands (SMART 2.2) to publish."`
	Brand        string        `env:"VITALWIRE_BRAND" placeholder:"SYSTEM|VALUE" help:"Identifier of the organization of --brands that this server is of; needed when there are several."`
	Labels       string        `env:"VITALWIRE_LABELS" placeholder:"FILE" help:"Rules (JSON, see docs/security.md) by which codes make a resource sensitive and confidential, for consents to judge; off for none. By default those of IHE PCF: ETH, ETHUD, OPIOIDUD, PSY, SDV and HIV."`
	Proxied      bool          `env:"VITALWIRE_BEHIND_PROXY" name:"behind-proxy" help:"A proxy in front speaks TLS, so that listening beyond loopback without it is meant."`
	Store        string        `env:"VITALWIRE_STORE" placeholder:"URL" help:"Where resources are kept: sqlite:PATH or postgres://USER@HOST/DATABASE. By default sqlite:data/vitalwire.db."`
	BaseURL      string        `env:"VITALWIRE_BASE_URL" placeholder:"URL" help:"Public FHIR base URL, for links and Location. By default http://LISTEN/fhir."`
	Zone         string        `env:"VITALWIRE_ZONE" default:"UTC" placeholder:"ZONE" help:"Time zone (such as Europe/Berlin) of dates without an offset in searches, and of device clocks when the gateway sends no receivedAt."`
	MaxBody      int64         `env:"VITALWIRE_MAX_BODY" default:"16777216" placeholder:"BYTES" help:"Largest request body, packed and unpacked."`
	MaxExport    int64         `env:"VITALWIRE_MAX_EXPORT" default:"17179869184" placeholder:"BYTES" help:"Largest file, packed and unpacked, of an adapter that cuts files into frames while they come (such as applehealth), by POST /ingest/{adapter} and --drop."`
	MaxURL       int           `env:"VITALWIRE_MAX_URL" name:"max-url" default:"16384" placeholder:"BYTES" help:"Longest URL, query included."`
	MaxHeader    int           `env:"VITALWIRE_MAX_HEADER" default:"32768" placeholder:"BYTES" help:"Most bytes of all header fields of a request."`
	MaxDepth     int           `env:"VITALWIRE_MAX_DEPTH" default:"64" placeholder:"LEVELS" help:"How deep a resource may nest, at most 64."`
	TLSCert      string        `env:"VITALWIRE_TLS_CERT" name:"tls-cert" type:"existingfile" placeholder:"FILE" help:"Certificate chain (PEM). With --tls-key the server speaks HTTPS, and HTTP/2."`
	TLSKey       string        `env:"VITALWIRE_TLS_KEY" name:"tls-key" type:"existingfile" placeholder:"FILE" help:"Key (PEM) of --tls-cert."`
	H2C          bool          `env:"VITALWIRE_H2C" name:"h2c" help:"Speak HTTP/2 without TLS as well, for a proxy in front."`
	Origins      []string      `env:"VITALWIRE_CORS_ORIGIN" name:"cors-origin" placeholder:"ORIGIN" help:"Origin whose web pages may ask, such as https://app.example.org; may be repeated. By default none."`
	Packages     string        `env:"VITALWIRE_PACKAGES" type:"existingdir" placeholder:"DIR" help:"Folder of FHIR packages (.tgz in NPM form) to load at start, in the background."`
	Validate     string        `env:"VITALWIRE_VALIDATE" enum:"enforce,warn,off" default:"enforce" help:"What validation does to a write: enforce (an error refuses it), warn (errors are told with Prefer: return=OperationOutcome) or off."`
	Enforce      []string      `env:"VITALWIRE_ENFORCE" placeholder:"TYPE=CANONICAL" help:"Profile that every resource of a type must meet, besides those it declares in meta.profile; may be repeated."`
	AsyncWorkers int           `env:"VITALWIRE_ASYNC_WORKERS" default:"2" placeholder:"N" help:"How many requests with Prefer: respond-async are performed at once."`
	AsyncQueue   int           `env:"VITALWIRE_ASYNC_QUEUE" default:"64" placeholder:"N" help:"How many of them may wait."`
	AsyncKeep    time.Duration `env:"VITALWIRE_ASYNC_KEEP" default:"1h" placeholder:"DURATION" help:"How long their answers are kept."`
	AsyncResult  int64         `env:"VITALWIRE_ASYNC_RESULT" default:"1073741824" placeholder:"BYTES" help:"Largest answer kept."`
	OTLPEndpoint string        `env:"OTEL_EXPORTER_OTLP_ENDPOINT" name:"otlp-endpoint" placeholder:"URL" help:"OpenTelemetry receiver, such as http://localhost:4318, that spans of requests are sent to (OTLP over HTTP). By default none are made."`
	OTLPHeaders  string        `env:"OTEL_EXPORTER_OTLP_HEADERS" name:"otlp-headers" placeholder:"NAME=VALUE,..." help:"Header fields for --otlp-endpoint, such as its key; better in the environment."`
	StopAfter    time.Duration `env:"VITALWIRE_STOP_AFTER" default:"10s" placeholder:"DURATION" help:"How long running requests may finish after a stop signal."`
	LogLevel     string        `env:"VITALWIRE_LOG_LEVEL" enum:"debug,info,warn,error" default:"info" help:"Least level logged: debug, info, warn or error."`
	LogFormat    string        `env:"VITALWIRE_LOG_FORMAT" enum:"json,text" default:"json" help:"Form of log lines: json or text."`

	Policies
	Agreement
	Audited auditConfig `embed:""`
	Login
	TLS
	Bedside
	Rules
	Dictionary
}

// Policies are what writes may do.
type Policies struct {
	References        string `env:"VITALWIRE_REFERENCES" enum:"off,warn,enforce" default:"off" help:"What becomes of a write that leaves a reference to a local resource that is not there: it is taken (off), taken with a warning (warn), or refused (enforce: 422, the delete of what is referred to 409). What devices send is always taken."`
	ConditionalDelete string `env:"VITALWIRE_CONDITIONAL_DELETE" enum:"off,single,multiple" default:"single" help:"What DELETE Type?search may delete: nothing (off), one match (single; more are 412) or all matches (multiple)."`
	KeepForever       bool   `env:"VITALWIRE_KEEP_FOREVER" help:"Serve neither $expunge nor $purge-history: what was stored once stays in the history."`
	MaxEntries        int    `env:"VITALWIRE_MAX_ENTRIES" default:"10000" placeholder:"N" help:"Most entries of a batch or transaction."`
}

type commands struct {
	Config

	Serve struct{} `cmd:"" default:"1" help:"Serve (what no command means)."`
	Demo  struct {
		Exit bool `help:"Stop when the frames have been played instead of serving on."`
	} `cmd:"" help:"Serve on a throw-away store with a few patients, and play the recorded frames of examples/ into it."`
	Backup struct {
		File string `arg:"" help:"The file to make; it must not exist."`
	} `cmd:"" help:"Copy the embedded store at --store into FILE, while the server runs. (For PostgreSQL see docs/operation.md.)"`
	Restore struct {
		File  string `arg:"" help:"A file that backup made."`
		Force bool   `help:"Put the store that is there aside, under a name that is printed."`
	} `cmd:"" help:"Make the store at --store from a backup, with the server stopped. The backup is checked first."`
	Client clientCommands `cmd:"" help:"Register, list and remove the clients that may get access tokens."`
	User   userCommands   `cmd:"" help:"Add, list, disable and remove the people who sign in."`
	Keys   struct {
		Rotate struct{} `cmd:"" help:"Make new signing keys before it is time. They sign a day later; the old ones stay published for a week."`
	} `cmd:"" help:"The keys that ID tokens, and access tokens that are JWTs, are signed with."`
	MDC         mdcCommands      `cmd:"" name:"mdc" help:"Check files for --mdc-overlay."`
	Template    templateCommands `cmd:"" help:"Try and test the templates of --templates."`
	Token       tokenCommand     `cmd:"" help:"Print an access token for operators and scripts on this machine."`
	VerifyAudit struct{}         `cmd:"" name:"verify-audit" help:"Follow the hash chain of the AuditEvents at --store; exit status 0 says that none was changed, removed or put in behind the server's back."`
	Health      struct{}         `cmd:"" help:"Ask the server at --listen whether it is well; exit status 0 says yes."`
	Show        struct{}         `cmd:"" name:"version" help:"Print the version."`
	Check       struct {
		Check struct{} `cmd:"" default:"1" help:"Check the configuration and the store without serving; exit status 0 says that the server would start."`
	} `cmd:"" name:"config" help:"Check the configuration."`
}

// forTests are environment variables of the tests, which may start a server.
var forTests = []string{"VITALWIRE_REQUIRE_", "VITALWIRE_TEST_", "VITALWIRE_UPDATE"}

// checkEnvironment refuses a VITALWIRE_ variable that nothing reads, with the
// nearest one that something does.
func checkEnvironment(environ []string, app *kong.Kong) error {
	var known []string
	for _, flag := range app.Model.AllFlags(true) {
		for _, f := range flag {
			known = append(known, f.Envs...)
		}
	}
	for _, variable := range environ {
		name, _, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, "VITALWIRE_") || slices.Contains(known, name) ||
			slices.ContainsFunc(forTests, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			continue
		}
		nearest := slices.MinFunc(known, func(a, b string) int {
			return levenshtein.ComputeDistance(a, name) - levenshtein.ComputeDistance(b, name)
		})
		return fmt.Errorf("unknown environment variable %s, did you mean %s?", name, nearest)
	}
	return nil
}

// checkListen refuses an address that others could reach without what keeps them
// from reading and writing everything: access tokens, and TLS around them.
func (c Config) checkListen() error {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf("--listen %s: %w", c.Listen, err)
	}
	switch {
	case local(host):
		return nil
	case c.Auth != authRequired:
		return fmt.Errorf("--listen %s is not a loopback address: whoever can connect could read and write everything. Set --auth required, or listen on 127.0.0.1", c.Listen)
	case !c.speaksTLS() && !c.Proxied:
		return fmt.Errorf("--listen %s is not a loopback address: tokens would travel in the clear. Set --tls-cert and --tls-key, or --behind-proxy if a proxy in front speaks TLS", c.Listen)
	}
	return nil
}

// authRequired is the --auth that demands tokens.
const authRequired = "required"

// checkOrigins wants origins as browsers send them, or one "*".
func checkOrigins(origins []string) error {
	for _, origin := range origins {
		u, err := url.Parse(origin)
		if origin != "*" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Scheme+"://"+u.Host != origin || strings.ContainsAny(origin, "*?")) {
			return fmt.Errorf("--cors-origin %s must be an origin such as https://app.example.org, or * for every one", origin)
		}
	}
	return nil
}

// check finds what is wrong with a configuration before anything is opened.
func (c Config) check() error {
	if err := c.checkListen(); err != nil {
		return err
	}
	if err := checkOrigins(c.Origins); err != nil {
		return err
	}
	if err := c.Login.check(); err != nil {
		return err
	}
	if err := c.checkTLS(); err != nil {
		return err
	}
	if c.Auth != authRequired && c.Consent != "" && c.Consent != "off" {
		return errors.New("--consent takes --auth required: without access tokens nobody is known who could be kept away")
	}
	if c.Auth != authRequired && c.Obligations != "" {
		return errors.New("--obligations takes --auth required: without access tokens nobody is known whom anything could be masked for")
	}
	if err := c.Bedside.check(c); err != nil {
		return err
	}
	if c.BaseURL != "" {
		if _, err := checkBase(c.BaseURL); err != nil {
			return err
		}
	}
	if c.MaxDepth < 0 || c.MaxDepth > fhir.MaxDepth {
		return fmt.Errorf("--max-depth must be 1 to %d", fhir.MaxDepth)
	}
	if c.MaxBody < 0 || c.MaxExport < 0 || c.MaxURL < 0 || c.MaxHeader < 0 {
		return errors.New("--max-body, --max-export, --max-url and --max-header are numbers of bytes")
	}
	if _, err := time.LoadLocation(c.Zone); err != nil {
		return fmt.Errorf("--zone: %w", err)
	}
	if c.OTLPEndpoint != "" {
		if err := c.receiver().Check(); err != nil {
			return fmt.Errorf("--otlp-endpoint: %w", err)
		}
	}
	return checkStoreName(c.Store)
}

// receiver is who gets the spans.
func (c Config) receiver() telemetry.Receiver {
	return telemetry.Receiver{Endpoint: c.OTLPEndpoint, Header: c.OTLPHeaders}
}

// checkBase wants an absolute http URL and takes the last slash away.
func checkBase(base string) (string, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("--base-url %s must be an http or https URL such as https://fhir.example.org/fhir", base)
	}
	return strings.TrimSuffix(base, "/"), nil
}
