-- stamp tells one state of the items of a type from every other: each change of any of
-- them, or of what they are found by, gives a new one.
ALTER TABLE tally ADD COLUMN stamp bigint NOT NULL DEFAULT 0;
