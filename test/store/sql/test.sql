-- name: thing_insert :exec
-- One row of every kind of value.
INSERT INTO thing (member_id, version, small, name, body)
VALUES (:member_id, :version, :small, :name, :body)

-- name: thing_read :one
-- By its key.
SELECT member_id, version, small, name, body
FROM thing
WHERE member_id = :member_id

-- name: thing_list :many
-- After a key, in order.
SELECT member_id, version, small, name, body
FROM thing
WHERE member_id > :after
ORDER BY member_id
LIMIT :n

-- name: thing_sum :one
-- A sum is numeric in PostgreSQL and still an integer here; the quoted text holds no parameter.
SELECT sum(version), ':not_a_parameter', count(*) FROM thing

-- name: thing_update :exec
-- Only where the version is the one that was read.
UPDATE thing SET version = version + 1, name = :name
WHERE member_id = :member_id AND version = :version

-- name: thing_delete :exec
-- By its key.
DELETE FROM thing WHERE member_id = :member_id

-- name: things_insert :each
-- Many rows; what is there already is left alone and not counted.
-- sqlite:
INSERT INTO thing (member_id, version, small, name, body)
VALUES (:member_id, :version, :small, :name, :body)
ON CONFLICT (member_id) DO NOTHING
-- postgres:
INSERT INTO thing (member_id, version, small, name, body)
SELECT u.member_id, u.version, u.small, u.name, u.body
FROM unnest(:member_id::bigint[], :version::bigint[], :small::int[], :name::text[], :body::bytea[])
     AS u (member_id, version, small, name, body)
ON CONFLICT (member_id) DO NOTHING
RETURNING member_id

-- name: things_update :each
-- Many rows, each only where the version is the one that was read.
-- params: member_id version name
-- sqlite:
UPDATE thing SET version = version + 1, name = :name
WHERE member_id = :member_id AND version = :version
-- postgres:
UPDATE thing AS t SET version = t.version + 1, name = u.name
FROM unnest(:member_id::bigint[], :version::bigint[], :name::text[]) AS u (member_id, version, name)
WHERE t.member_id = u.member_id AND t.version = u.version

-- name: things_read :each
-- Many rows by their keys.
-- sqlite:
SELECT member_id, version, small, name, body FROM thing WHERE member_id = :member_id
-- postgres:
SELECT member_id, version, small, name, body FROM thing WHERE member_id = ANY(:member_id::bigint[])

-- name: thing_broken :exec
-- Asks for what the CHECK of the table refuses.
UPDATE thing SET small = -1 WHERE member_id = :member_id
