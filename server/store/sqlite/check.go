package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// checkTime bounds the check of a file that was not closed well. SQLite itself
// recovers from a crash; the check looks for what a failing disk did, and a large
// file is checked as far as that time goes. A backup and a restore check all of it.
const checkTime = 10 * time.Second

// checkUnclean looks at a database whose last user did not close it: SQLite
// removes the write-ahead log when the last connection is closed, so a log that
// is there, and not empty, says so.
func checkUnclean(ctx context.Context, path string) error {
	log, err := os.Stat(path + "-wal")
	if err != nil || log.Size() == 0 {
		return nil
	}
	if _, err := os.Stat(path); err != nil {
		return nil
	}
	bounded, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	err = pragmaCheck(bounded, path, "quick_check")
	if bounded.Err() != nil && ctx.Err() == nil {
		return nil
	}
	return err
}

// verify checks a database whole: that it is sound, and a store of this program.
func verify(ctx context.Context, path string) error {
	if err := pragmaCheck(ctx, path, "integrity_check"); err != nil {
		return err
	}
	db, err := existing(path, patience)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	var schema int
	var head, newest int64
	if err := db.QueryRowContext(ctx, `SELECT coalesce(max(number), 0) FROM migration`).Scan(&schema); err != nil {
		return fmt.Errorf("%s is no store of Vitalwire: %w", path, err)
	}
	if known := len(dialect{}.Migrations()); schema == 0 || schema > known {
		return fmt.Errorf("%s has schema %d, this program knows schemas up to %d: use a newer program", path, schema, known)
	}
	if err := db.QueryRowContext(ctx, `SELECT (SELECT position FROM head), (SELECT coalesce(max(pos), 0) FROM version)`).Scan(&head, &newest); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if newest > head {
		return damaged(path, fmt.Sprintf("it holds position %d, beyond its head %d", newest, head))
	}
	return nil
}

// pragmaCheck runs quick_check or integrity_check, which answer "ok" or say what is wrong.
func pragmaCheck(ctx context.Context, path, pragma string) error {
	db, err := existing(path, patience)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(ctx, "PRAGMA "+pragma+"(5)")
	if err != nil {
		return explain(path, err)
	}
	defer func() { _ = rows.Close() }()
	var faults []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return explain(path, err)
		}
		if text != "ok" {
			faults = append(faults, strings.ReplaceAll(text, "\n", " "))
		}
	}
	if err := rows.Err(); err != nil {
		return explain(path, err)
	}
	if faults != nil {
		return damaged(path, strings.Join(faults, "; "))
	}
	return nil
}

// idle is an error when another process, or another part of this one, has the
// database open: each holds a shared lock for as long as it has.
func idle(ctx context.Context, path string) error {
	db, err := existing(path, 500*time.Millisecond, "locking_mode(EXCLUSIVE)")
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	c, err := db.Conn(ctx)
	if err == nil {
		defer func() { _ = c.Close() }()
		_, err = c.ExecContext(ctx, "BEGIN EXCLUSIVE; ROLLBACK")
	}
	switch code(err) {
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		return fmt.Errorf("%s is in use: stop the server first", path)
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB, lib.SQLITE_CANTOPEN:
		return nil // nothing has it open, for nothing can; a reason to restore
	}
	return err
}

// explain says what to do about a broken file.
func explain(path string, err error) error {
	switch code(err) {
	case lib.SQLITE_CORRUPT:
		return damaged(path, "SQLite cannot read it")
	case lib.SQLITE_NOTADB:
		return damaged(path, "it does not begin as an SQLite database does, or is none")
	}
	return err
}

func damaged(path, how string) error {
	return fmt.Errorf("%s is damaged: %s. Keep the file, and put a backup in its place with: vitalwire restore FILE --force", path, how)
}

// code is the primary result code of an error of SQLite; 0 when it is none.
func code(err error) int {
	var e *driver.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code() & 0xff
}
