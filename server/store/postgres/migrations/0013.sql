-- Bits of item.marks tell whether a version has codes or references that no search
-- parameter finds: everything is to be indexed again.
UPDATE indexed SET rules = 0 WHERE one = 1;
