-- ix_words is full text (relational/words.go): one row for each version that has any.
CREATE TABLE ix_words (
  pos bigint NOT NULL,
  shard bigint NOT NULL,
  terms text NOT NULL,
  PRIMARY KEY (pos, shard)
);
CREATE INDEX ix_words_terms ON ix_words USING gin ((CAST(terms AS tsvector)));

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
);
CREATE INDEX ix_place_pos ON ix_place (pos);
