package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"vitalwire/adapters"
	"vitalwire/adapters/template"
	"vitalwire/server/templates"
)

// Rules are the operator's own device languages.
type Rules struct {
	Templates string `env:"VITALWIRE_TEMPLATES" type:"existingdir" placeholder:"DIR" help:"Folder of templates (docs/templates.md), a folder each: rules that read a device's JSON, CSV or XML. They are loaded anew when they change; a broken one leaves the one before it in service."`
}

// lookEvery is how often changed templates are looked for.
const lookEvery = 2 * time.Second

// shelf opens --templates and watches it; nil for none.
func (r Rules) shelf(life context.Context, languages []adapters.Adapter, run func(func()), log *slog.Logger) (*templates.Shelf, error) {
	if r.Templates == "" {
		return nil, nil
	}
	s, err := templates.Open(r.Templates, languages, log)
	if err != nil {
		return nil, fmt.Errorf("--templates: %w", err)
	}
	run(func() { s.Watch(life, lookEvery) })
	return s, nil
}

type templateCommands struct {
	Try struct {
		Template string `arg:"" type:"path" help:"Folder of a template, or its template.json."`
		Input    string `arg:"" type:"existingfile" help:"What the device sent."`
		JSON     bool   `name:"json" help:"Print all of it as JSON."`
	} `cmd:"" help:"Say field by field what a template makes of an input. Nothing is stored."`
	Test struct {
		Dir string `arg:"" type:"existingdir" help:"Folder of a template, or of several."`
	} `cmd:"" help:"Run the cases beside templates; exit status 0 says that all come out."`
}

// readTemplate reads a template without running its cases.
func readTemplate(path string) (*template.Template, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return template.Read(os.DirFS(path), filepath.Base(path))
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return template.Own(data)
}

func tryTemplate(c templateCommands, stdout io.Writer) error {
	t, err := readTemplate(c.Try.Template)
	if err != nil {
		return err
	}
	input, err := os.ReadFile(c.Try.Input)
	if err != nil {
		return err
	}
	trial := t.Try(input)
	if c.Try.JSON {
		e := json.NewEncoder(stdout)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		err = e.Encode(trial)
	} else {
		err = printTrial(stdout, trial)
	}
	if err == nil && trial.Refused != "" {
		err = errors.New("the input is refused: " + trial.Refused)
	}
	return err
}

// printTrial writes a trial for people, and last what a case would want.
func printTrial(w io.Writer, trial template.Trial) error {
	fmt.Fprintf(w, "template %s %s (%s)\n", trial.Template, trial.Version, trial.Digest)
	for _, r := range trial.Readings {
		fmt.Fprintf(w, "\n%s, by %s, at %s\n", r.Type, r.Rule, r.At)
		for _, f := range r.Fields {
			fmt.Fprintf(w, "  %-14s %s", f.Name, f.Value)
			if f.Absent != "" {
				fmt.Fprintf(w, "  (%s)", f.Absent)
			}
			switch {
			case f.Path != "":
				fmt.Fprintf(w, "\n  %-14s   found at %s by %s", "", f.Path, f.Expression)
			case f.Expression != "":
				fmt.Fprintf(w, "\n  %-14s   by %s", "", f.Expression)
			}
			fmt.Fprintln(w)
		}
		if r.Skipped != "" {
			fmt.Fprintf(w, "  no Observation: %s\n", r.Skipped)
		}
	}
	for _, f := range trial.Silent {
		fmt.Fprintf(w, "\n%s: %s\n  by %s\n", f.Name, f.Absent, f.Expression)
	}
	if trial.Refused != "" {
		return nil
	}
	facts, err := json.MarshalIndent(template.Facts(trial.Reports), "", "  ")
	fmt.Fprintf(w, "\nA case would want (want.json):\n%s\n", facts)
	return err
}

// testTemplates runs the cases of a template, or of each in a folder of them.
func testTemplates(dir string, stdout io.Writer) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	folders := []string{dir}
	if _, err := os.Stat(filepath.Join(dir, "template.json")); err != nil {
		if _, err := os.Stat(filepath.Join(dir, "devicecontent.json")); err != nil {
			if folders, err = filepath.Glob(filepath.Join(dir, "*", "*.json")); err != nil {
				return err
			}
			folders = parents(folders)
		}
	}
	if len(folders) == 0 {
		return errors.New("there is no template in " + dir)
	}
	failed := 0
	for _, folder := range folders {
		t, err := template.Load(os.DirFS(folder), filepath.Base(folder))
		if err != nil {
			failed++
			fmt.Fprintf(stdout, "%s: %v\n", filepath.Base(folder), err)
			continue
		}
		fmt.Fprintf(stdout, "%s %s (%s): %d cases come out\n", t.Name, t.Version, t.Digest, t.Cases())
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d templates cannot be used", failed, len(folders))
	}
	return nil
}

// parents are the folders of files, each once.
func parents(files []string) (list []string) {
	for _, file := range files {
		if dir := filepath.Dir(file); len(list) == 0 || list[len(list)-1] != dir {
			list = append(list, dir)
		}
	}
	return list
}
