-- tally is how many rows item has of each type.
CREATE TABLE tally (type integer PRIMARY KEY, n bigint NOT NULL);
INSERT INTO tally (type, n) SELECT type, count(*) FROM item GROUP BY type;
