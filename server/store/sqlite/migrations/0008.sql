-- The head also says when what servers keep in memory became old: epoch grows with the
-- search parameters of clients and packages, terms with the stored terminology.
ALTER TABLE head ADD COLUMN epoch bigint NOT NULL DEFAULT 1;
ALTER TABLE head ADD COLUMN terms bigint NOT NULL DEFAULT 0;
