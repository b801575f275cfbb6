-- The history of a resource type is walked by position. The expression is that of
-- the SQLite schema: one text asks both.
CREATE INDEX version_type ON version ((rtype || ''), pos);
