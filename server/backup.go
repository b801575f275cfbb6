package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"vitalwire/server/store/sqlite"
)

// backup copies the embedded store, which a server may have open.
func backup(ctx context.Context, name, file string, stdout io.Writer) error {
	path, err := embedded(name, "pg_dump or pg_basebackup")
	if err != nil {
		return err
	}
	if err := sqlite.Backup(ctx, path, file); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	size := int64(0)
	if made, err := os.Stat(file); err == nil {
		size = made.Size()
	}
	fmt.Fprintf(stdout, "%s is a backup of %s: %d bytes, checked\n", file, path, size)
	return nil
}

// restore makes the embedded store from a backup.
func restore(ctx context.Context, name, file string, force bool, stdout io.Writer) error {
	path, err := embedded(name, "pg_restore")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	aside, err := sqlite.Restore(ctx, file, path, force)
	if err != nil {
		if errors.Is(err, fs.ErrExist) {
			err = fmt.Errorf("%w; nothing was changed", err)
		}
		return fmt.Errorf("restore: %w", err)
	}
	fmt.Fprintf(stdout, "%s is restored from %s\n", path, file)
	if aside != "" {
		fmt.Fprintf(stdout, "what was there is kept as %s\n", aside)
	}
	return nil
}

// embedded is the path of an embedded store; a PostgreSQL has its own tools.
func embedded(name, instead string) (string, error) {
	if name == "" {
		name = defaultStore
	}
	path, ok := strings.CutPrefix(name, "sqlite:")
	if !ok {
		return "", fmt.Errorf("--store %s is no embedded store; for PostgreSQL use %s (docs/operation.md)", shown(name), instead)
	}
	return path, nil
}
