package relational

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
)

// maxStatements bounds the prepared statements of one connection.
const maxStatements = 256

// conn is one database connection with its prepared statements. One goroutine
// uses it at a time.
type conn struct {
	c      *sql.Conn
	stmts  map[string]*sql.Stmt
	plain  bool // nothing is prepared, see Config.Unprepared
	broken bool
}

func newConn(c *sql.Conn, plain bool) *conn {
	return &conn{c: c, stmts: map[string]*sql.Stmt{}, plain: plain}
}

func (c *conn) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt := c.stmts[query]; stmt != nil {
		return stmt, nil
	}
	if len(c.stmts) >= maxStatements {
		for _, stmt := range c.stmts {
			_ = stmt.Close() // only frees memory
		}
		clear(c.stmts)
	}
	stmt, err := c.c.PrepareContext(ctx, query)
	if err != nil {
		return nil, sqlError(err, query)
	}
	c.stmts[query] = stmt
	return stmt, nil
}

// exec runs a statement. Without parameters it is sent as it is, so it may hold
// several.
func (c *conn) exec(ctx context.Context, query string, args ...any) error {
	var err error
	if len(args) == 0 || c.plain {
		_, err = c.c.ExecContext(ctx, query, args...)
	} else {
		stmt, perr := c.prepare(ctx, query) //nolint:sqlclosecheck // kept for the next time
		if perr != nil {
			return perr
		}
		_, err = stmt.ExecContext(ctx, args...)
	}
	if err != nil {
		return sqlError(err, query)
	}
	return nil
}

// control runs a statement without parameters, such as BEGIN, prepared.
func (c *conn) control(ctx context.Context, query string) error {
	if c.plain {
		return c.exec(ctx, query)
	}
	stmt, err := c.prepare(ctx, query) //nolint:sqlclosecheck // kept for the next time
	if err != nil {
		return err
	}
	if _, err := stmt.ExecContext(ctx); err != nil {
		return sqlError(err, query)
	}
	return nil
}

func (c *conn) execAll(ctx context.Context, statements []Statement) error {
	for _, st := range statements {
		if err := c.exec(ctx, st.SQL, st.Args...); err != nil {
			return err
		}
	}
	return nil
}

func (c *conn) query(ctx context.Context, st Statement) (*sql.Rows, error) {
	var rows *sql.Rows
	var err error
	if c.plain {
		rows, err = c.c.QueryContext(ctx, st.SQL, st.Args...)
	} else {
		stmt, perr := c.prepare(ctx, st.SQL) //nolint:sqlclosecheck // kept for the next time
		if perr != nil {
			return nil, perr
		}
		rows, err = stmt.QueryContext(ctx, st.Args...)
	}
	if err != nil {
		return nil, sqlError(err, st.SQL)
	}
	return rows, nil
}

// each calls scan for every row.
func (c *conn) each(ctx context.Context, st Statement, scan func(*sql.Rows) error) error {
	rows, err := c.query(ctx, st)
	if err != nil {
		return err
	}
	for rows.Next() {
		if err := scan(rows); err != nil {
			_ = rows.Close() //nolint:sqlclosecheck // the scan's error says more
			return sqlError(err, st.SQL)
		}
	}
	if err := rows.Close(); err != nil {
		return sqlError(err, st.SQL)
	}
	if err := rows.Err(); err != nil {
		return sqlError(err, st.SQL)
	}
	return nil
}

// one scans the only row; ok is false when there is none.
func (c *conn) one(ctx context.Context, st Statement, into ...any) (ok bool, err error) {
	err = c.each(ctx, st, func(rows *sql.Rows) error {
		ok = true
		return rows.Scan(into...)
	})
	return ok, err
}

var errBad = sqldriver.ErrBadConn

// pool hands out connections, opened when first needed. Waiters are served in
// order of arrival.
type pool struct {
	db   *sql.DB
	free chan *conn // nil stands for one not opened yet
	// plain connections prepare nothing, see Config.Unprepared.
	plain bool
}

func newPool(db *sql.DB, size int, plain bool) *pool {
	p := &pool{db: db, free: make(chan *conn, size), plain: plain}
	for range size {
		p.free <- nil
	}
	return p
}

func (p *pool) take(ctx context.Context) (*conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var c *conn
	select {
	case c = <-p.free:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if c != nil {
		return c, nil
	}
	sc, err := p.db.Conn(ctx)
	if err != nil {
		p.free <- nil
		return nil, err
	}
	return newConn(sc, p.plain), nil
}

func (p *pool) give(c *conn) {
	if c.broken {
		// Raw with ErrBadConn makes database/sql drop it instead of reusing it.
		_ = c.c.Raw(func(any) error { return errBad })
		_ = c.c.Close()
		c = nil
	}
	p.free <- c
}

// close takes every connection back, so it waits for who holds one.
func (p *pool) close() error {
	for range cap(p.free) {
		if c := <-p.free; c != nil {
			for _, stmt := range c.stmts {
				_ = stmt.Close()
			}
			if err := c.c.Close(); err != nil && !errors.Is(err, sql.ErrConnDone) && !errors.Is(err, errBad) {
				return err
			}
		}
	}
	return p.db.Close()
}
