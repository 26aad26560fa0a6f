-- The key store's statements.

-- name: key_store_read :one
-- Whose keys these are, and a value that only the right master key can make.
SELECT instance_id, master_check FROM key_store WHERE id = 1

-- name: key_store_insert :exec
-- Once, at init.
INSERT INTO key_store (id, instance_id, master_check, created_at)
VALUES (1, :instance_id, :master_check, :created_at)

-- name: instance_key_list :many
-- All of them; there are a dozen.
SELECT name, wrapped FROM instance_key ORDER BY name LIMIT 100

-- name: instance_key_insert :exec
-- A key is made once and never changes; a second process that is as fast keeps the first one's.
INSERT INTO instance_key (name, wrapped, created_at)
VALUES (:name, :wrapped, :created_at)
ON CONFLICT (name) DO NOTHING

-- name: data_keys_insert :each
-- Keys of new members, before the members themselves. A key that is there stays.
-- params: owner_id version wrapped created_at
-- sqlite:
INSERT INTO data_key (owner_id, version, wrapped, created_at)
VALUES (:owner_id, :version, :wrapped, :created_at)
ON CONFLICT (owner_id) DO NOTHING
-- postgres:
INSERT INTO data_key (owner_id, version, wrapped, created_at)
SELECT u.owner_id, u.version, u.wrapped, u.created_at
FROM unnest(:owner_id::bigint[], :version::smallint[], :wrapped::bytea[], :created_at::bigint[])
     AS u (owner_id, version, wrapped, created_at)
ON CONFLICT (owner_id) DO NOTHING
RETURNING owner_id

-- name: data_keys_read :each
-- The keys of a batch.
-- sqlite:
SELECT owner_id, version, wrapped FROM data_key WHERE owner_id = :owner_id
-- postgres:
SELECT owner_id, version, wrapped FROM data_key WHERE owner_id = ANY(:owner_id::bigint[])

-- name: data_keys_delete :each
-- Forgets.
-- sqlite:
DELETE FROM data_key WHERE owner_id = :owner_id
-- postgres:
DELETE FROM data_key WHERE owner_id = ANY(:owner_id::bigint[])

-- name: data_key_list_old :many
-- Keys made before an instant, by owner: to look for those whose member was never written.
SELECT owner_id FROM data_key
WHERE owner_id > :after AND created_at < :before
ORDER BY owner_id
LIMIT :n

-- name: data_key_count :one
-- For the self-check.
SELECT count(*) FROM data_key

-- name: erasures_insert :each
-- Who was forgotten, for restores to forget again.
-- params: owner_id erased_at
-- sqlite:
INSERT INTO erasure (owner_id, erased_at) VALUES (:owner_id, :erased_at)
ON CONFLICT (owner_id) DO NOTHING
-- postgres:
INSERT INTO erasure (owner_id, erased_at)
SELECT u.owner_id, u.erased_at
FROM unnest(:owner_id::bigint[], :erased_at::bigint[]) AS u (owner_id, erased_at)
ON CONFLICT (owner_id) DO NOTHING
RETURNING owner_id

-- name: erasure_list :many
-- In the order of ids, after one.
SELECT owner_id, erased_at FROM erasure WHERE owner_id > :after ORDER BY owner_id LIMIT :n

-- name: erasures_read :each
-- Which of these were forgotten.
-- sqlite:
SELECT owner_id, erased_at FROM erasure WHERE owner_id = :owner_id
-- postgres:
SELECT owner_id, erased_at FROM erasure WHERE owner_id = ANY(:owner_id::bigint[])

-- name: data_key_rebuild :exec
-- Writes the table anew, so that nothing of deleted rows is left in its file.
-- sqlite:
VACUUM
-- postgres:
VACUUM (FULL) data_key
