-- The index is there.
-- sqlite:
SELECT 1 - count(*) FROM sqlite_schema WHERE type = 'index' AND name = 'contest_entry_member'
-- postgres:
SELECT count(*) FROM contest_entry WHERE points = 0
