// Package server wires the parts into the vitalwire program: configuration,
// start and stop. It has no rules of its own.
package server

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"vitalwire/adapters"
	"vitalwire/auth"
	"vitalwire/server/telemetry"
)

// Version of the program.
const Version = "0.1.0"

// Program is what a main gives: its command line and surroundings, the device
// languages it speaks, and the recordings that its demo plays (see package
// examples for their form).
type Program struct {
	Args, Environ  []string
	Stdin          io.Reader // may be nil
	Stdout, Stderr io.Writer
	// Context ends the program when it ends, besides signals; nil never does.
	Context    context.Context
	Adapters   []adapters.Adapter
	Recordings fs.FS
}

// Main runs the program. It gives the exit status: 0 done, 1 failed, 2 wrong usage.
func Main(p Program) int {
	stdout, stderr := p.Stdout, p.Stderr
	var c commands
	exit := -1
	app, err := kong.New(&c,
		kong.Name("vitalwire"),
		kong.Description("Vitalwire turns what medical devices say into FHIR R4 and serves it.\n\nWithout a command it serves, on the embedded store in ./data."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(status int) { exit = status }),
		kong.UsageOnError(),
	)
	if err != nil {
		fmt.Fprintln(stderr, "vitalwire:", err)
		return 1
	}
	if err := checkEnvironment(p.Environ, app); err != nil {
		fmt.Fprintln(stderr, "vitalwire:", err)
		return 2
	}
	parsed, err := app.Parse(p.Args)
	if exit >= 0 {
		return exit // --help was asked for and printed
	}
	if err != nil {
		fmt.Fprintln(stderr, "vitalwire:", err)
		fmt.Fprintln(stderr, "vitalwire --help lists what can be set")
		return 2
	}
	ctx, stop := signal.NotifyContext(cmp.Or(p.Context, context.Background()), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		fmt.Fprintln(stderr, "vitalwire:", err)
		return 2
	}
	log := newLog(stderr, c.LogFormat, level)
	switch parsed.Command() {
	case "version":
		fmt.Fprintln(stdout, version())
	case "config check", "config":
		err = checkConfig(ctx, c.Config, stdout)
	case "health":
		err = health(ctx, c.Config)
	case "demo":
		err = demo(ctx, c.Config, c.Demo.Exit, p, log)
	case "backup <file>":
		if err = backup(ctx, c.Store, c.Backup.File, stdout); err == nil {
			err = withAuthority(ctx, c.Config, func(a *auth.Authority) error {
				return a.Audit(ctx, auth.Happening{What: auth.BackedUp, Name: c.Backup.File, Proved: true})
			})
		}
	case "restore <file>":
		if err = restore(ctx, c.Store, c.Restore.File, c.Restore.Force, stdout); err == nil {
			err = withAuthority(ctx, c.Config, func(a *auth.Authority) error {
				return a.Audit(ctx, auth.Happening{What: auth.Restored, Name: c.Restore.File, Proved: true})
			})
		}
	case "verify-audit":
		err = verifyAudit(ctx, c.Config, stdout)
	case "client add <id>":
		err = addClient(ctx, c.Config, c.Client, stdout)
	case "client list":
		err = listClients(ctx, c.Config, stdout)
	case "client remove <id>":
		err = removeClient(ctx, c.Config, c.Client.Remove.ID, stdout)
	case "user add <name>":
		err = addUser(ctx, c.Config, c.User, p.Stdin, stdout)
	case "user list":
		err = listUsers(ctx, c.Config, stdout)
	case "user password <name>":
		err = setPassword(ctx, c.Config, c.User, p.Stdin, stdout)
	case "user set <name>":
		err = setUser(ctx, c.Config, c.User, stdout)
	case "user disable <name>", "user enable <name>":
		disable := parsed.Command() == "user disable <name>"
		err = disableUser(ctx, c.Config, cmp.Or(c.User.Disable.Name, c.User.Enable.Name), disable, stdout)
	case "user remove <name>":
		err = removeUser(ctx, c.Config, c.User.Remove.Name, stdout)
	case "keys rotate":
		err = withAuthority(ctx, c.Config, func(a *auth.Authority) error {
			if err := a.RotateKeys(ctx); err != nil {
				return err
			}
			return a.Audit(ctx, auth.Happening{What: auth.KeysRotated, Proved: true})
		})
	case "template try <template> <input>":
		err = tryTemplate(c.Template, stdout)
	case "template test <dir>":
		err = testTemplates(c.Template.Test.Dir, stdout)
	case "mdc check <file>":
		err = checkOverlay(c.MDC.Check.Files, stdout)
	case "token":
		err = mint(ctx, c.Config, c.Token, stdout)
	default:
		err = serve(ctx, c.Config, p, log)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(stderr, "vitalwire:", err)
		return 1
	}
	return 0
}

// newLog writes lines that each name the request they belong to.
func newLog(to io.Writer, format string, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	var handler slog.Handler = slog.NewJSONHandler(to, options)
	if format == "text" {
		handler = slog.NewTextHandler(to, options)
	}
	return slog.New(telemetry.LogHandler(handler))
}

// version is the program's, with what it was built from and for.
func version() string {
	text := "vitalwire " + Version
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return text
	}
	settings := map[string]string{}
	for _, setting := range build.Settings {
		settings[setting.Key] = setting.Value
	}
	if revision := settings["vcs.revision"]; len(revision) >= 12 {
		text += " (" + revision[:12]
		if settings["vcs.modified"] == "true" {
			text += ", changed"
		}
		text += ")"
	}
	return text + ", FHIR 4.0.1, " + build.GoVersion + ", " + settings["GOOS"] + "/" + settings["GOARCH"]
}

// defaultStore is where resources are kept when nothing else is said.
const defaultStore = "sqlite:data/vitalwire.db"

func serve(ctx context.Context, c Config, p Program, log *slog.Logger) error {
	if c.Store == "" {
		c.Store = defaultStore
	}
	s, err := Start(ctx, c, p.Adapters, log)
	if err != nil {
		return err
	}
	first := ""
	if c.trial() {
		if first, err = firstUser(ctx, s.auth, s.engine); err != nil {
			return errors.Join(err, s.Stop(c.StopAfter))
		}
	}
	fmt.Fprintf(p.Stdout, `Vitalwire %s is ready.
  FHIR R4       %s  (try %[2]s/metadata)
  Devices       POST %[3]s/ingest/{adapter}
  Store         %s
  Where next    README.md has four curl lines that send a frame and read it back; --help lists what can be set
%s`, Version, s.Base, s.Root, shown(c.Store), first)
	if s.MLLP != "" {
		fmt.Fprintf(p.Stdout, "  HL7 v2        mllp://%s\n", s.MLLP)
	}
	if s.MQTT != "" {
		fmt.Fprintf(p.Stdout, "  MQTT          mqtt://%s\n", s.MQTT)
	}
	if s.PHD != "" {
		fmt.Fprintf(p.Stdout, "  IEEE 20601    tcp://%s\n", s.PHD)
	}
	<-ctx.Done()
	return s.Stop(c.StopAfter)
}

// health asks a running server; the container's health check calls it.
func health(ctx context.Context, c Config) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	scheme, client := "http", http.DefaultClient
	if c.speaksTLS() {
		// It asks its own machine, by an address that no certificate names.
		name := ""
		if len(c.ACMEHosts) > 0 {
			name = c.ACMEHosts[0]
		}
		scheme, client = "https", &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: name}}} //nolint:gosec // see above
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+c.Listen+"/healthz", nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("unwell: %s", response.Status)
	}
	return nil
}
