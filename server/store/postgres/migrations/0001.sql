-- head holds the newest position of the change feed. Every writing transaction
-- changes it, nonce included, so a commit whose answer was lost can be recognised.
CREATE TABLE head (one integer PRIMARY KEY CHECK (one = 1), position bigint NOT NULL, nonce bigint NOT NULL);
INSERT INTO head (one, position, nonce) VALUES (1, 0, 0);

-- version holds every version of every resource, for ever. pos is its feed
-- position; codec 0 is the plain body.
CREATE TABLE version (
  pos bigint NOT NULL,
  shard bigint NOT NULL,
  rtype text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  vid bigint NOT NULL,
  op integer NOT NULL,
  deleted integer NOT NULL,
  codec integer NOT NULL,
  body bytea,
  PRIMARY KEY (pos, shard)
);
CREATE UNIQUE INDEX version_id ON version (rtype, id, vid, shard);

-- past says since when a version that can be searched is no longer the current one.
CREATE TABLE past (pos bigint NOT NULL, shard bigint NOT NULL, until bigint NOT NULL, PRIMARY KEY (pos, shard));

-- ix holds what versions are found by; see relational/keys.go.
CREATE TABLE ix (
  key bigint NOT NULL,
  pos bigint NOT NULL,
  sub bigint NOT NULL,
  shard bigint NOT NULL,
  PRIMARY KEY (key, pos, sub, shard)
);

-- ix_range holds dates as half-open ranges in microseconds.
CREATE TABLE ix_range (
  key bigint NOT NULL,
  pos bigint NOT NULL,
  low bigint NOT NULL,
  high bigint NOT NULL,
  ends bigint NOT NULL,
  shard bigint NOT NULL,
  PRIMARY KEY (key, pos, low, high, shard)
);
CREATE INDEX ix_range_low ON ix_range (key, low, pos DESC, high, ends);
CREATE INDEX ix_range_high ON ix_range (key, high, pos, low, ends);

CREATE TABLE record (
  collection text COLLATE "C" NOT NULL,
  key bytea NOT NULL,
  value bytea NOT NULL,
  PRIMARY KEY (collection, key)
);
