-- owner is the patient in whose compartment a version is, the first of several (all of
-- them are in ix then). NULL is nobody's.
ALTER TABLE item ADD COLUMN owner bigint;
ALTER TABLE item_past ADD COLUMN owner bigint;

-- consent has a row for each current Consent that names its patient. digest is of what
-- it says, given is when it was given (relational/consent.go).
CREATE TABLE consent (pos integer PRIMARY KEY, shard bigint NOT NULL, patient text NOT NULL, given bigint NOT NULL, digest bigint NOT NULL);
CREATE INDEX consent_patient ON consent (patient);

-- consented is the class of each patient who ever had a Consent (store.Consented), and
-- the number of that. consent_class numbers every class there ever was.
CREATE TABLE consented (owner bigint PRIMARY KEY, patient text NOT NULL, class bigint NOT NULL, number bigint NOT NULL, position bigint NOT NULL);
CREATE TABLE consent_class (class bigint PRIMARY KEY, number bigint NOT NULL);
CREATE UNIQUE INDEX consent_class_number ON consent_class (number);
INSERT INTO consent_class (class, number) VALUES (0, 0);
CREATE INDEX consented_position ON consented (position);

-- The head also says when what servers keep in memory of consents became old.
ALTER TABLE head ADD COLUMN consents bigint NOT NULL DEFAULT 0;

-- Everything is to be indexed again.
UPDATE indexed SET rules = 0 WHERE one = 1;
