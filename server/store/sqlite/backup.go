package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// Backup copies the store at path into the new file `to`, while servers may be
// writing: the copy is the store at one moment, compact, read back and checked,
// and on the disk when Backup returns. A file that exists is an error that
// errors.Is fs.ErrExist; a failed backup leaves nothing named `to`.
func Backup(ctx context.Context, path, to string) error {
	if err := absent(to); err != nil {
		return err
	}
	if _, err := os.Stat(path); err != nil {
		return err
	}
	copied, err := vacuum(ctx, path, to)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(copied) }()
	if err := verify(ctx, copied); err != nil {
		return err
	}
	return publish(copied, to)
}

// Restore makes the backup `from` the store at path, after it was checked whole.
// A store at path is an error that errors.Is fs.ErrExist, or with force is put
// aside under the name that is returned, never deleted. One that a server has
// open is an error with force, too.
func Restore(ctx context.Context, from, path string, force bool) (aside string, err error) {
	if _, err := os.Stat(from); err != nil {
		return "", err
	}
	same, err := sameFile(from, path)
	if err != nil {
		return "", err
	}
	if same {
		return "", fmt.Errorf("%s is the store itself", from)
	}
	there, err := exists(path)
	if err != nil {
		return "", err
	}
	if there {
		if !force {
			return "", fmt.Errorf("%s: %w (--force puts it aside)", path, fs.ErrExist)
		}
		if err := idle(ctx, path); err != nil {
			return "", err
		}
	}
	if err := verify(ctx, from); err != nil {
		return "", err
	}
	copied, err := vacuum(ctx, from, path)
	if err != nil {
		return "", err
	}
	defer func() { _ = os.Remove(copied) }()
	if !there {
		return "", publish(copied, path)
	}
	if aside, err = putAside(path); err != nil {
		return "", err
	}
	if err := os.Rename(copied, path); err != nil {
		return "", err
	}
	return aside, syncPath(filepath.Dir(path))
}

// absent is an error when something has that name.
func absent(path string) error {
	_, err := os.Lstat(path)
	if err == nil {
		return fmt.Errorf("%s: %w", path, fs.ErrExist)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// companions are the files that SQLite keeps beside a database in use. One that
// is left there would be taken for a part of the next database of that name.
func companions(path string) []string { return []string{path + "-wal", path + "-shm"} }

// exists says whether there is a store, or a part of one.
func exists(path string) (bool, error) {
	for _, name := range append(companions(path), path) {
		if err := absent(name); errors.Is(err, fs.ErrExist) {
			return true, nil
		} else if err != nil {
			return false, err
		}
	}
	return false, nil
}

func sameFile(a, b string) (bool, error) {
	x, err := os.Stat(a)
	if err != nil {
		return false, err
	}
	y, err := os.Stat(b)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(x, y), err
}

// vacuum copies the database at path into a temporary file beside `to`, as one
// snapshot of it that hinders no writer, and syncs it.
func vacuum(ctx context.Context, path, to string) (copied string, err error) {
	f, err := os.CreateTemp(filepath.Dir(to), "."+filepath.Base(to)+".*") // for its owner only
	if err != nil {
		return "", err
	}
	copied = f.Name()
	defer func() {
		if err != nil {
			_ = os.Remove(copied)
		}
	}()
	if err := f.Close(); err != nil {
		return "", err
	}
	db, err := existing(path, patience)
	if err != nil {
		return "", err
	}
	// SQLite writes into an empty file that is there.
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", copied)
	if err := errors.Join(explain(path, err), db.Close()); err != nil {
		return "", err
	}
	return copied, syncPath(copied)
}

// patience is how long a lock that another holds is waited for.
const patience = 10 * time.Second

// existing opens a database without making one where there is none.
func existing(path string, busy time.Duration, pragmas ...string) (*sql.DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	q := url.Values{"mode": {"rw"}, "_pragma": append([]string{fmt.Sprintf("busy_timeout(%d)", busy.Milliseconds()), "fullfsync(1)"}, pragmas...)}
	u := url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}
	return sql.Open("sqlite", u.String())
}

// publish gives a finished file its name, which must be free even now.
func publish(file, name string) error {
	if err := link(file, name); err != nil {
		return err
	}
	return syncPath(filepath.Dir(name))
}

// link gives a file a second name that was free. Where the file system has no
// links the file is moved: the name was found free before.
func link(file, name string) error {
	err := os.Link(file, name)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := absent(name); err != nil {
		return err
	}
	return os.Rename(file, name)
}

// putAside keeps the store at path under another name. The database keeps its
// own name, too, until another takes it: at no moment is there none.
func putAside(path string) (string, error) {
	aside := path + ".before-restore-" + time.Now().UTC().Format("20060102T150405.000Z")
	for i, name := range companions(path) {
		if err := os.Rename(name, companions(aside)[i]); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	if err := link(path, aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return aside, syncPath(filepath.Dir(path))
}

// syncPath waits until a file, or the names in a folder, are on the disk.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
