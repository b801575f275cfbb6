-- A composite that follows from its parts has no rows, and a short text is held by
-- ix_string.head alone: everything is to be indexed again.
UPDATE indexed SET rules = 0 WHERE one = 1;
