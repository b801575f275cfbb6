-- pruned is the position up to which rows of item_past were taken away: a search
-- pinned to an older one cannot be continued.
ALTER TABLE indexed ADD COLUMN pruned bigint NOT NULL DEFAULT 0;
