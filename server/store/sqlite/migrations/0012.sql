-- A bit of item.marks tells whether a version has security labels: everything is to be
-- indexed again.
UPDATE indexed SET rules = 0 WHERE one = 1;

-- consented is asked for the patient of each row that is found: as the table's own key
-- that is one tree and not two.
ALTER TABLE consented RENAME TO consented_before;
CREATE TABLE consented (owner integer PRIMARY KEY, patient text NOT NULL, class bigint NOT NULL, number bigint NOT NULL, position bigint NOT NULL);
INSERT INTO consented (owner, patient, class, number, position) SELECT owner, patient, class, number, position FROM consented_before;
DROP TABLE consented_before;
CREATE INDEX consented_position ON consented (position);
