-- The history of a resource type is walked by position, which every index of SQLite
-- ends in. It is of an expression so that only who asks by that expression is planned
-- along it: without statistics SQLite would take it for version_id, too.
CREATE INDEX version_type ON version (rtype || '');
