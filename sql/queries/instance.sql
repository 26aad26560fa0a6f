-- Programs, symbols, API keys, idempotent answers, audit.

-- name: symbols_list :many
-- All of them, by number; there are never many.
SELECT id, name, sum FROM symbol ORDER BY id LIMIT 1000000

-- name: symbol_insert :exec
-- A new number for a name, inside a publication.
INSERT INTO symbol (id, name, sum) VALUES (:id, :name, :sum)

-- name: versions_list :many
-- Newest first.
SELECT version, effective_at, published_at, comment, actor FROM program_version WHERE version < :before ORDER BY version DESC LIMIT :n

-- name: versions_all :many
-- Everything needed to compile them, oldest first.
SELECT version, effective_at, document, zones, sum, published_at FROM program_version ORDER BY version LIMIT 100000

-- name: version_read :one
-- One version whole.
SELECT version, effective_at, published_at, comment, actor, document FROM program_version WHERE version = :version

-- name: version_insert :exec
-- Publishing.
INSERT INTO program_version (version, effective_at, published_at, comment, actor, document, zones, sum)
VALUES (:version, :effective_at, :published_at, :comment, :actor, :document, :zones, :sum)

-- name: draft_read :one
-- The draft, with the revision that its ETag is made of.
SELECT revision, document, changed_at FROM program_draft WHERE id = 1

-- name: draft_insert :exec
-- The first one.
INSERT INTO program_draft (id, revision, document, changed_at) VALUES (1, 1, :document, :changed_at) ON CONFLICT DO NOTHING

-- name: draft_update :exec
-- Only over the revision that was read.
UPDATE program_draft SET revision = revision + 1, document = :document, changed_at = :changed_at WHERE id = 1 AND revision = :revision

-- name: key_insert :exec
-- A new API key; only its hash is kept.
INSERT INTO api_key (key_id, name, hash, scopes, created_at, expires_at, revoked_at)
VALUES (:key_id, :name, :hash, :scopes, :created_at, :expires_at, NULL)

-- name: key_find :one
-- At every request.
SELECT key_id, name, scopes, created_at, expires_at, revoked_at FROM api_key WHERE hash = :hash

-- name: key_read :one
-- By id, for showing.
SELECT key_id, name, scopes, created_at, expires_at, revoked_at FROM api_key WHERE key_id = :key_id

-- name: keys_list :many
-- Newest first.
SELECT key_id, name, scopes, created_at, expires_at, revoked_at FROM api_key WHERE key_id < :before ORDER BY key_id DESC LIMIT :n

-- name: key_revoke :exec
-- From the next request on.
UPDATE api_key SET revoked_at = :revoked_at WHERE key_id = :key_id AND revoked_at IS NULL

-- name: idempotency_find :one
-- A former answer under this credential, route and key.
SELECT fingerprint, status, sealed, expires_at, member_id FROM idempotency WHERE hash = :hash

-- name: idempotency_insert :exec
-- Status 0: it is running. None inserted: it is running elsewhere, or done. An answer that is over makes room.
INSERT INTO idempotency (hash, fingerprint, expires_at, status, sealed, member_id)
VALUES (:hash, :fingerprint, :expires_at, :status, :sealed, :member_id)
ON CONFLICT (hash) DO UPDATE SET fingerprint = excluded.fingerprint, expires_at = excluded.expires_at,
    status = excluded.status, sealed = excluded.sealed, member_id = excluded.member_id
WHERE idempotency.expires_at <= :now

-- name: idempotency_answer :exec
-- What the first request was answered, after a reservation.
UPDATE idempotency SET status = :status, sealed = :sealed, member_id = :member_id WHERE hash = :hash AND status = 0 AND fingerprint = :fingerprint

-- name: idempotency_delete :exec
-- A request that failed on our side may be sent again.
DELETE FROM idempotency WHERE hash = :hash

-- name: idempotency_expire :exec
-- Older than seven days.
DELETE FROM idempotency WHERE expires_at <= :now

-- name: audit_insert :exec
-- One more link.
INSERT INTO audit (seq, at, actor, action, object, before_commitment, after_commitment, hash)
VALUES (:seq, :at, :actor, :action, :object, :before_commitment, :after_commitment, :hash)

-- name: audit_head_read :one
-- Locked last, so that seq has no gaps.
-- params: id
-- sqlite:
SELECT audit_seq, audit_hash FROM instance WHERE id = :id
-- postgres:
SELECT audit_seq, audit_hash FROM instance WHERE id = :id FOR UPDATE

-- name: audit_head_peek :one
-- Without a lock, for whoever only reads.
SELECT audit_seq, audit_hash FROM instance WHERE id = :id

-- name: audit_head_write :exec
-- After the insert.
UPDATE instance SET audit_seq = :audit_seq, audit_hash = :audit_hash WHERE id = 1

-- name: audit_list :many
-- Oldest first after a seq.
SELECT seq, at, actor, action, object, before_commitment, after_commitment, hash FROM audit WHERE seq > :after ORDER BY seq LIMIT :n

-- name: audit_list_newest :many
-- Newest first before a seq.
SELECT seq, at, actor, action, object, before_commitment, after_commitment, hash FROM audit WHERE seq < :before ORDER BY seq DESC LIMIT :n

-- name: arming_read :one
-- How far the pass over all members is that gives them what a new version waits for.
SELECT version, member_id, members, begun_at, finished_at FROM arming WHERE id = 1

-- name: arming_begin :exec
-- From the first member on, for another version than the last.
INSERT INTO arming (id, version, member_id, members, begun_at, finished_at) VALUES (1, :version, 0, 0, :begun_at, :finished_at)
ON CONFLICT (id) DO UPDATE SET version = excluded.version, member_id = 0, members = 0, begun_at = excluded.begun_at,
    finished_at = excluded.finished_at
WHERE arming.version <> excluded.version

-- name: arming_advance :exec
-- Behind a run of members; only from where it stood, so that two processes do not count them twice.
UPDATE arming SET member_id = :through, members = members + :n WHERE id = 1 AND version = :version AND member_id = :after

-- name: arming_finish :exec
-- Everybody was seen.
UPDATE arming SET finished_at = :finished_at WHERE id = 1 AND version = :version AND finished_at IS NULL

-- name: arming_members :many
-- The next members, in the order of their ids.
SELECT member_id FROM member WHERE member_id > :after AND status <> 0 ORDER BY member_id LIMIT :n
