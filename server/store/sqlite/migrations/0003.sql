-- item has one row for each current version that is not a deletion: the columns that nearly
-- all searches ask for (relational/roles.go). Keys hold the resource type, so the
-- trees keep types apart; NULL is no value.
CREATE TABLE item (
  pos integer PRIMARY KEY,
  shard bigint NOT NULL,
  type bigint NOT NULL,
  present bigint NOT NULL,
  marks bigint NOT NULL,
  subject bigint,
  code bigint,
  code_system bigint,
  status bigint,
  status_system bigint,
  category bigint,
  category_system bigint,
  low bigint,
  high bigint
);
-- None is partial: SQLite would plan each statement again for each value it is run with.
CREATE INDEX item_type ON item (type);
CREATE INDEX item_low ON item (type, low);
CREATE INDEX item_high ON item (type, high);
CREATE INDEX item_subject ON item (subject, code, high);
CREATE INDEX item_code_key ON item (code, code_system);
CREATE INDEX item_status ON item (status);
CREATE INDEX item_category ON item (category);

-- item_code has the second and further codes of a version.
CREATE TABLE item_code (
  pos bigint NOT NULL,
  shard bigint NOT NULL,
  subject bigint,
  code bigint NOT NULL,
  code_system bigint NOT NULL,
  low bigint,
  high bigint,
  PRIMARY KEY (pos, code, code_system, shard)
) WITHOUT ROWID;
CREATE INDEX item_code_subject ON item_code (subject, code, high, pos);
CREATE INDEX item_code_code ON item_code (code, pos);

-- item_past has the rows of versions that are current no more, and since when:
-- a search pinned to an older position looks here, too.
CREATE TABLE item_past (
  pos integer PRIMARY KEY,
  shard bigint NOT NULL,
  until bigint NOT NULL,
  type bigint NOT NULL,
  present bigint NOT NULL,
  marks bigint NOT NULL,
  subject bigint,
  code bigint,
  code_system bigint,
  status bigint,
  status_system bigint,
  category bigint,
  category_system bigint,
  low bigint,
  high bigint
);
CREATE INDEX item_past_until ON item_past (until);
DROP TABLE past;

-- Everything is to be indexed again.
UPDATE indexed SET rules = 0 WHERE one = 1;
