-- What db/ itself needs to know of a database: which migrations it has, and which process is which.

-- name: schema_table_exists :one
-- 1 when migrations were ever applied here.
-- sqlite:
SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migration'
-- postgres:
SELECT count(*) FROM pg_class WHERE oid = to_regclass('schema_migration')

-- name: schema_lock :one
-- Keeps two processes from migrating at once until the transaction ends. SQLite has its write lock for that.
-- params: class
-- sqlite:
SELECT 1 WHERE :class IS NOT NULL
-- postgres:
SELECT 1 FROM pg_advisory_xact_lock(CAST(:class AS int), 64)

-- name: schema_table_create :exec
-- The list of migrations applied.
CREATE TABLE IF NOT EXISTS schema_migration (
  version bigint PRIMARY KEY,
  name text NOT NULL,
  checksum text NOT NULL,
  applied_at bigint NOT NULL
)

-- name: schema_migration_list :many
-- All of them, oldest first; there are never many.
SELECT version, name, checksum FROM schema_migration ORDER BY version LIMIT 10000

-- name: schema_migration_insert :exec
-- Written in the transaction of the migration itself.
INSERT INTO schema_migration (version, name, checksum, applied_at)
VALUES (:version, :name, :checksum, :applied_at)

-- name: process_slot_take :one
-- The lowest number no other session holds. An SQLite file has one serving process: number 0.
-- params: class
-- sqlite:
SELECT 0 WHERE :class IS NOT NULL
-- postgres:
SELECT slot FROM generate_series(0, 63) AS slot
WHERE pg_try_advisory_lock(CAST(:class AS int), slot)
LIMIT 1
