-- ix_words is full text (relational/words.go): one row for each version that has any,
-- found by its position. Nothing but the index is kept.
CREATE VIRTUAL TABLE ix_words USING fts5(terms, content='', contentless_delete=1, detail=none, tokenize='ascii');

-- ix_place has places on the earth (search.Place).
CREATE TABLE ix_place (
  key bigint NOT NULL,
  x bigint NOT NULL,
  pos bigint NOT NULL,
  n bigint NOT NULL,
  y bigint NOT NULL,
  z bigint NOT NULL,
  shard bigint NOT NULL,
  PRIMARY KEY (key, x, pos, n, shard)
) WITHOUT ROWID;
CREATE INDEX ix_place_pos ON ix_place (pos);
