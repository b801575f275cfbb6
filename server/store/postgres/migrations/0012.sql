-- A bit of item.marks tells whether a version has security labels: everything is to be
-- indexed again.
UPDATE indexed SET rules = 0 WHERE one = 1;
