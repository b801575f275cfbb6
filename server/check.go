package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"vitalwire/fhir/search"
	"vitalwire/profiles"
	"vitalwire/server/knowledge"
	"vitalwire/server/store/postgres"
)

// sqliteHead is how every SQLite file begins (its file format, §1.3).
const sqliteHead = "SQLite format 3\x00"

// checkConfig says whether the server would start, as `vitalwire config check`.
// It changes nothing: not even the schema of the store, which a start may do.
func checkConfig(ctx context.Context, c Config, out io.Writer) error {
	if c.Store == "" {
		c.Store = defaultStore
	}
	if err := c.check(); err != nil {
		return err
	}
	known, err := knowledge.New(knowledge.Mode(c.Validate), c.Enforce)
	if err != nil {
		return err
	}
	if _, err := c.obligations(search.NewRegistry(profiles.R4(), "http://localhost/fhir"), known); err != nil {
		return err
	}
	if _, _, err := c.Dictionary.read(); err != nil {
		return err
	}
	found := "can be reached"
	if path, embedded := strings.CutPrefix(c.Store, "sqlite:"); embedded {
		var err error
		if found, err = checkFile(path); err != nil {
			return fmt.Errorf("--store: %w", err)
		}
	} else {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if err := postgres.Ping(ctx, c.Store); err != nil {
			return fmt.Errorf("--store: %w", err)
		}
	}
	fmt.Fprintf(out, "The configuration is good. The store %s %s.\n", shown(c.Store), found)
	return nil
}

func checkFile(path string) (found string, err error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "will be made", nil
	}
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	head := make([]byte, len(sqliteHead))
	if n, err := io.ReadFull(file, head); n > 0 && (err != nil || string(head) != sqliteHead) {
		return "", fmt.Errorf("%s is no SQLite database", path)
	}
	return "is there", nil
}
