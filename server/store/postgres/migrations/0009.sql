-- tally is how many rows item has of each type. Its rows and that of head are updated
-- by every commit: room on their pages keeps them there.
CREATE TABLE tally (type bigint PRIMARY KEY, n bigint NOT NULL) WITH (fillfactor = 10);
INSERT INTO tally (type, n) SELECT type, count(*) FROM item GROUP BY type;
ALTER TABLE head SET (fillfactor = 10);

-- Full text is found by a bitmap and nothing else is (postgres.settings). What was
-- inserted is read through by every search until it is merged into the index: let it
-- be little.
CREATE OR REPLACE FUNCTION ix_words_having(query tsquery, most bigint) RETURNS SETOF bigint LANGUAGE plpgsql STABLE ROWS 100
  SET enable_bitmapscan = on SET enable_seqscan = off SET enable_indexscan = off AS $$
BEGIN
  RETURN QUERY SELECT f.pos FROM ix_words f WHERE CAST(f.terms AS tsvector) @@ query LIMIT most;
END $$;
ALTER INDEX ix_words_terms SET (gin_pending_list_limit = 256);
ALTER INDEX ix_words_terms ALTER COLUMN 1 SET STATISTICS 0;

-- What grows is vacuumed for its visibility map; the server itself has it analyzed.
ALTER TABLE item SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05);
ALTER TABLE item_code SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05);
ALTER TABLE ix SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05);
