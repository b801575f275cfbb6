-- ix_string holds texts. head is the beginning of the text as it is compared:
-- folded (search.Fold) for a string, as it is for a uri; exact is a hash of it as written.
CREATE TABLE ix_string (
  key bigint NOT NULL,
  pos bigint NOT NULL,
  n bigint NOT NULL,
  head text COLLATE "C" NOT NULL,
  folded text COLLATE "C" NOT NULL,
  exact bigint NOT NULL,
  shard bigint NOT NULL,
  PRIMARY KEY (key, pos, n, shard)
);
CREATE INDEX ix_string_head ON ix_string (key, head, pos);

-- ix_quantity holds numbers and quantities as search.EncodeNumber writes them:
-- from low to high as stated, from ulow to uhigh in the base unit. unit, system,
-- code and label are hashes, 0 for none; without a base unit ulow is low.
CREATE TABLE ix_quantity (
  key bigint NOT NULL,
  pos bigint NOT NULL,
  n bigint NOT NULL,
  low text COLLATE "C" NOT NULL,
  high text COLLATE "C" NOT NULL,
  ulow text COLLATE "C" NOT NULL,
  uhigh text COLLATE "C" NOT NULL,
  unit bigint NOT NULL,
  system bigint NOT NULL,
  code bigint NOT NULL,
  label bigint NOT NULL,
  shard bigint NOT NULL,
  PRIMARY KEY (key, pos, n, shard)
);

-- indexed says by which rules (search.Registry.Rules) the index was made.
CREATE TABLE indexed (one integer PRIMARY KEY CHECK (one = 1), rules bigint NOT NULL);
INSERT INTO indexed (one, rules) VALUES (1, 1);
