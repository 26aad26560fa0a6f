-- The index is there.
-- sqlite:
SELECT 1 - count(*) FROM sqlite_schema WHERE type = 'index' AND name = 'timer_parked'
-- postgres:
SELECT 1 - count(*) FROM pg_index WHERE indexrelid = 'timer_parked'::regclass
