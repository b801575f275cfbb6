package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	_ "time/tzdata" // --zone works in a container without zone files

	"vitalwire/adapters"
	"vitalwire/auth"
	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/profiles"
	"vitalwire/server/audit"
	"vitalwire/server/indexing"
	"vitalwire/server/ingest"
	"vitalwire/server/interaction"
	"vitalwire/server/job"
	"vitalwire/server/knowledge"
	"vitalwire/server/operation"
	"vitalwire/server/rest"
	"vitalwire/server/store"
	"vitalwire/server/store/postgres"
	"vitalwire/server/store/sqlite"
	"vitalwire/server/telemetry"
)

// Server is a running server.
type Server struct {
	// Base is the FHIR base URL, Addr the address listened on, Root its URL; MLLP the
	// address for HL7 v2 messages, MQTT that of the broker and PHD that for 20601
	// agents, "" when there is none.
	Base, Addr, Root, MLLP, MQTT, PHD string

	store    store.Store
	audit    *audit.Log      // nil when nothing is audited
	auth     *auth.Authority // nil without tokens
	engine   *interaction.Engine
	jobs     *job.Runner
	traces   *telemetry.Tracer
	stopping atomic.Bool
	loading  atomic.Bool // packages, in the background
	http     *http.Server

	wires    []func(context.Context) error // end what takes frames beside HTTP
	embedded func()                        // puts the nomenclature back that was before
	done     chan error

	// stop ends what runs in the background; running waits for it.
	stop    context.CancelFunc
	running sync.WaitGroup
}

// Start opens the store, listens and serves. It returns when requests are
// answered. Stop ends what it started.
func Start(ctx context.Context, c Config, languages []adapters.Adapter, log *slog.Logger) (*Server, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(c.Zone)
	if err != nil {
		return nil, fmt.Errorf("--zone: %w", err)
	}
	security, err := c.tlsConfig(log)
	if err != nil {
		return nil, err
	}
	// Listen first: a second server on one address must not touch the store.
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return nil, err
	}
	s := &Server{Addr: listener.Addr().String(), done: make(chan error, 1)}
	s.Root = "http://" + s.Addr
	if c.speaksTLS() {
		s.Root = "https://" + s.Addr
	}
	life, stop := context.WithCancel(context.Background())
	s.stop = stop
	handler, err := s.wire(ctx, life, c, zone, languages, log)
	if err != nil {
		err = errors.Join(err, s.deaf(ctx))
		s.stop()
		s.running.Wait()
		s.traces.Close(ctx)
		err = errors.Join(err, s.audit.Wait(ctx))
		s.forget()
		if s.store != nil {
			err = errors.Join(err, s.store.Close())
		}
		return nil, errors.Join(err, listener.Close())
	}
	s.http = &http.Server{
		Handler:           handler,
		TLSConfig:         security,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       60 * time.Second,
		WriteTimeout:      120 * time.Second,
		IdleTimeout:       120 * time.Second,
		// Beyond this net/http answers by itself; below it rest does, with an outcome.
		MaxHeaderBytes: 2 * (cmp.Or(c.MaxHeader, 32<<10) + cmp.Or(c.MaxURL, 16<<10)),
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		Protocols:      new(http.Protocols),
	}
	s.http.Protocols.SetHTTP1(true)
	s.http.Protocols.SetHTTP2(true)
	s.http.Protocols.SetUnencryptedHTTP2(c.H2C)
	go func() {
		if c.speaksTLS() {
			s.done <- s.http.ServeTLS(listener, "", "") // the certificate is in TLSConfig
			return
		}
		s.done <- s.http.Serve(listener)
	}()
	return s, nil
}

// wire puts the parts together. ctx is that of the start; what runs in the
// background ends with life.
func (s *Server) wire(ctx, life context.Context, c Config, zone *time.Location, languages []adapters.Adapter, log *slog.Logger) (http.Handler, error) {
	base := c.BaseURL
	if base == "" {
		base = s.Root + "/fhir"
	}
	var err error
	if s.Base, err = checkBase(base); err != nil {
		return nil, err
	}
	if s.embedded, err = c.Dictionary.use(log); err != nil {
		return nil, err
	}
	parameters := search.NewRegistry(profiles.R4(), s.Base)
	if s.store, err = openStore(ctx, c.Store, parameters); err != nil {
		return nil, err
	}
	seal, err := interaction.OpenSealer(ctx, s.store)
	if err != nil {
		return nil, err
	}
	if c.OTLPEndpoint != "" {
		if s.traces, err = telemetry.NewTracer(ctx, c.receiver(), Version, log); err != nil {
			return nil, err
		}
	}
	known, err := knowledge.New(knowledge.Mode(c.Validate), c.Enforce)
	if err != nil {
		return nil, err
	}
	known.Store, known.Search, known.Log = s.store, parameters, log
	custom, err := indexing.Open(ctx, life, s.store, parameters, log)
	if err != nil {
		return nil, err
	}
	s.running.Go(custom.Wait)
	relabel := func() {
		if err := s.label(life, c, known, custom, log); err != nil && life.Err() == nil {
			log.Error("resources are labelled as before: the rules cannot be taken over", "error", err)
		}
	}
	known.Loaded = func() {
		if custom.Packages(known.Set()); !s.loading.Load() {
			relabel()
		}
	}
	s.loading.Store(c.Packages != "")
	if err := s.label(ctx, c, known, custom, log); err != nil {
		return nil, err
	}
	if c.Packages != "" {
		s.running.Go(func() {
			known.LoadDir(life, c.Packages, log)
			s.loading.Store(false)
			relabel()
		})
	}
	metrics := s.measure()
	measured := counting(known.Check, metrics)
	type judge func(ctx context.Context, r *fhir.Resource) ([]fhir.Issue, error)
	judged := func(check judge) judge {
		return func(ctx context.Context, r *fhir.Resource) ([]fhir.Issue, error) {
			issues, err := check(ctx, r)
			if err == nil && r.Type() == "SearchParameter" {
				err = custom.Check(r)
			}
			if err == nil {
				err = checkConsent(r, s.Base)
			}
			return issues, err
		}
	}
	book := s.agreed(life, c, parameters, known, log)
	kept, err := s.openAudit(ctx, life, c, book, metrics, log)
	if err != nil {
		return nil, err
	}
	frames := &ingest.Service{Store: kept, Adapters: languages, Check: measured, Zone: zone, Now: time.Now, Log: log,
		Unknown: metrics.UnknownOfDevice, Intake: &ingest.Intake{}, Registration: ingest.Policy(c.Registration), Version: Version}
	if book != nil {
		consented := &collecting{book: book, known: parameters, audit: s.audit}
		frames.Collecting = consented
		metrics.Gauge("readings_uncollected", "Readings of devices that were not stored because the patient does not agree to it.", func() float64 { return float64(consented.count.Load()) })
	}
	s.running.Go(func() { frames.KeepSightings(life) })
	s.running.Go(func() { frames.KeepWatch(life) })
	metrics.Gauge("watchdogs_expected", "Devices that announced when to expect their next sign of life.", func() float64 { expected, _ := frames.Watchdogs(); return float64(expected) })
	metrics.Gauge("watchdogs_overdue", "Devices whose announced sign of life has not come.", func() float64 { _, overdue := frames.Watchdogs(); return float64(overdue) })
	if err := frames.Sweep(ctx); err != nil {
		return nil, err
	}
	frames.Authorities = c.Authorities
	rules, err := c.Rules.shelf(life, languages, s.running.Go, log)
	if err != nil {
		return nil, err
	}
	if rules != nil {
		frames.Templates = rules.Adapters
		frames.Explain = func(name string, frame []byte) (any, bool) {
			t := rules.Get(name)
			if t == nil {
				return nil, false
			}
			return t.Try(frame), true
		}
	}
	s.running.Go(func() { frames.KeepReplaying(life) })
	if c.KeepRefused > 0 {
		s.running.Go(func() { frames.KeepRefused(life, c.KeepRefused) })
	}
	for name, of := range map[string]struct {
		help  string
		value func(ingest.IntakeTotals) int64
	}{
		"intake_working":   {"Device frames that are being stored.", func(t ingest.IntakeTotals) int64 { return int64(t.Working) }},
		"intake_waiting":   {"Device frames that wait for their turn.", func(t ingest.IntakeTotals) int64 { return int64(t.Waiting) }},
		"intake_throttled": {"Device frames that were refused because too many waited.", func(t ingest.IntakeTotals) int64 { return t.Throttled }},
	} {
		metrics.Gauge(name, of.help, func() float64 { return float64(of.value(frames.Intake.Totals())) })
	}
	engine := &interaction.Engine{
		Statements: new(interaction.Statements),
		Store:      kept, Audit: s.audit, Search: parameters, Base: s.Base, Seal: seal, Zone: zone,
		Check: judged(measured), CheckLenient: judged(counting(known.CheckLenient, metrics)), Definitions: known.Definitions, Terms: known.Concepts, Version: Version, Started: time.Now(),
		Terminology: func() *fhir.Resource { return known.Terms().Capabilities(Version, fhir.FormatInstant(time.Now())) },
		CORS:        len(c.Origins) > 0 || c.Auth == authRequired,
		References:  interaction.References(c.References), Deletes: interaction.Deletes(c.ConditionalDelete), MaxEntries: c.MaxEntries,
		Wrote: func(key fhir.Key) {
			known.Wrote(key)
			custom.Wrote(key)
		},
	}
	s.engine = engine
	operations, err := operation.New(engine, known)
	if err != nil {
		return nil, err
	}
	operations.Indexing = custom
	operations.Log = log
	if c.KeepForever {
		operations.KeepForever()
	}
	engine.Operations, engine.Operate = operations.For, operations.Entry
	face := &rest.Server{
		Engine:     engine,
		Operations: operations,
		Knowledge:  known,
		Ingest:     frames,
		Templates:  rules,
		Limits:     rest.Limits{Body: c.MaxBody, Export: c.MaxExport, URL: c.MaxURL, Header: c.MaxHeader, Depth: c.MaxDepth},
		Origins:    c.Origins,
		Ready:      s.ready,
		Metrics:    metrics,
		Traces:     s.traces,
		Log:        log,
	}
	if face.Proxies, err = c.proxies(c.Proxied); err != nil {
		return nil, err
	}
	if c.Auth == authRequired {
		engine.Guarded = true
		engine.Consents = book
		if engine.Obligations, err = c.obligations(parameters, known); err != nil {
			return nil, err
		}
		face.Auth = auth.New(s.Base, shelf{s.store}, auth.Outbound(), log)
		face.Auth.Rules = engine.Rules()
		face.Auth.Audit = s.audit.People
		face.Auth.Broke = func(ctx context.Context, access auth.Access) error {
			err := s.audit.BrokeGlass(auth.With(ctx, access), access.Patient, access.Reason)
			if err == nil {
				others := slices.DeleteFunc(slices.Sorted(slices.Values(access.Purposes)), func(p string) bool { return p == auth.BreakGlass })
				metrics.GlassBroken(string(access.Role), strings.Join(others, " "))
			}
			return err
		}
		face.Auth.Desk = desk{frames, s.audit}
		face.Auth.Privacy = privacy{chart{engine}, face.Auth}
		face.Auth.Chart, face.Auth.JWTs = chart{engine}, c.AccessTokens == "jwt"
		if face.Auth.Brands, err = readBrands(c); err != nil {
			return nil, err
		}
		if err := c.people(face.Auth); err != nil {
			return nil, err
		}
		s.auth = face.Auth
		s.running.Go(func() { sweep(life, face.Auth, log) })
	}
	s.jobs = job.New(s.store, job.Limits{Workers: c.AsyncWorkers, Queue: c.AsyncQueue, Keep: c.AsyncKeep, Answer: c.AsyncResult}, log, face.Perform)
	if err := s.jobs.Start(ctx); err != nil {
		return nil, err
	}
	face.Jobs = s.jobs
	if err := errors.Join(s.receive(c, frames, engine, metrics, log), s.takeMQTT(c, frames, engine, metrics, log), s.takePHD(c, frames, metrics, log), s.takeFiles(c, frames, metrics, log)); err != nil {
		return nil, err
	}
	metrics.Gauge("async_waiting", "Requests with Prefer: respond-async that wait.", func() float64 { return float64(s.jobs.Waiting()) })
	metrics.Gauge("async_running", "Requests with Prefer: respond-async that are performed.", func() float64 { return float64(s.jobs.Working()) })
	return face.Handler(), nil
}

// readBrands reads the bundle that --brands names; nil when it names none.
func readBrands(c Config) (*auth.Brands, error) {
	if c.BrandsFile == "" {
		return nil, nil
	}
	data, err := os.ReadFile(c.BrandsFile)
	if err != nil {
		return nil, fmt.Errorf("--brands: %w", err)
	}
	brands, err := auth.ReadBrands(data, c.Brand)
	if err != nil {
		return nil, fmt.Errorf("--brands %s: %w", c.BrandsFile, err)
	}
	return brands, nil
}

// sweep removes tokens that are past their end, now and then.
func sweep(life context.Context, a *auth.Authority, log *slog.Logger) {
	ticker := time.NewTicker(10 * time.Minute)
	defer ticker.Stop()
	for {
		select {
		case <-life.Done():
			return
		case <-ticker.C:
			if err := a.Sweep(life); err != nil && life.Err() == nil {
				log.Warn("old tokens were not removed", "error", err)
			}
		}
	}
}

// deaf ends what takes frames beside HTTP.
func (s *Server) deaf(ctx context.Context) (err error) {
	for _, end := range s.wires {
		err = errors.Join(err, end(ctx))
	}
	return err
}

// Stop takes no new requests, lets running ones finish for a while, and closes
// the store.
func (s *Server) Stop(after time.Duration) error {
	s.stopping.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), after)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.Join(fmt.Errorf("requests were still running after %s", after), s.http.Close())
	}
	if served := <-s.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	err = errors.Join(err, s.deaf(ctx))
	s.jobs.Stop(ctx)
	s.stop()
	s.running.Wait()
	s.traces.Close(ctx)
	s.forget()
	return errors.Join(err, s.audit.Wait(ctx), s.store.Close())
}

// ready says why requests should go elsewhere.
func (s *Server) ready(r *http.Request) error {
	if s.stopping.Load() {
		return errors.New("the server is stopping")
	}
	if s.loading.Load() {
		return errors.New("packages are being loaded")
	}
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	err := s.store.View(ctx, func(v store.Reader) error {
		_, err := v.Position()
		return err
	})
	if err != nil {
		return errors.New("the store does not answer")
	}
	return nil
}

// checkStoreName wants a name that openStore knows; "" is the default.
func checkStoreName(name string) error {
	for _, scheme := range []string{"sqlite:", "postgres://", "postgresql://"} {
		if strings.HasPrefix(name, scheme) {
			return nil
		}
	}
	if name == "" {
		return nil
	}
	return fmt.Errorf("--store must be sqlite:PATH or postgres://USER@HOST/DATABASE, not %q", name)
}

// openStore opens what --store names.
func openStore(ctx context.Context, name string, parameters *search.Registry) (store.Store, error) {
	if path, ok := strings.CutPrefix(name, "sqlite:"); ok {
		if dir := filepath.Dir(path); dir != "." {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return nil, err
			}
		}
		return opened(sqlite.Open(ctx, path, sqlite.Options{Search: parameters}))
	}
	if strings.HasPrefix(name, "postgres://") || strings.HasPrefix(name, "postgresql://") {
		return opened(postgres.Open(ctx, name, postgres.Options{Search: parameters}))
	}
	return nil, checkStoreName(name)
}

// opened keeps a store that is none from looking like one in an interface.
func opened[S store.Store](s S, err error) (store.Store, error) {
	var shown *fhir.Error
	if errors.As(err, &shown) && shown.Err != nil {
		err = shown.Err // the operator may know the cause
	}
	if err != nil {
		return nil, fmt.Errorf("--store: %w", err)
	}
	return s, nil
}

// shown is a store's name without its password.
func shown(name string) string {
	if u, err := url.Parse(name); err == nil && u.User != nil {
		return u.Redacted()
	}
	return name
}
