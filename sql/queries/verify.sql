-- What the self-check reads. Each statement here is one short slice, so that no snapshot lives long.

-- name: verify_members :many
-- Members in the order of ids.
SELECT member_id, enrolled_at, status, revision, sealed FROM member WHERE member_id > :after ORDER BY member_id LIMIT :n

-- name: verify_states :many
-- States between two members, those without a member row too.
SELECT member_id, version, state FROM member_state WHERE member_id > :after AND member_id <= :last ORDER BY member_id LIMIT 65536

-- name: verify_chunks :many
-- Cold lots and counters between two members.
SELECT member_id, kind, number, data FROM member_chunk
WHERE member_id > :after AND member_id <= :last ORDER BY member_id, kind, number LIMIT 65536

-- name: verify_clears :many
-- Clear profiles between two members.
SELECT member_id, birth_year, birth_month, birth_day, gender, country, city, language, tags, attributes
FROM member_clear WHERE member_id > :after AND member_id <= :last ORDER BY member_id LIMIT 65536

-- name: verify_timers :many
-- Timers between two members.
SELECT member_id, kind, due_at FROM timer WHERE member_id > :after AND member_id <= :last ORDER BY member_id, kind LIMIT 65536

-- name: name_words_find :each
-- Words of names that are there.
-- params: hash member_id
-- sqlite:
SELECT hash, member_id FROM name_word WHERE hash = :hash AND member_id = :member_id
-- postgres:
SELECT w.hash, w.member_id FROM unnest(:hash::bytea[], :member_id::bigint[]) AS u (hash, member_id)
JOIN name_word w ON w.hash = u.hash AND w.member_id = u.member_id

-- name: verify_identifiers :many
-- Blind indexes in the order of their key.
-- params: kind hash n
SELECT kind, hash, member_id FROM identifier WHERE (kind, hash) > (:kind, :hash) ORDER BY kind, hash LIMIT :n

-- name: verify_words :many
-- The same for words of names.
-- params: hash member_id n
SELECT hash, member_id FROM name_word WHERE (hash, member_id) > (:hash, :member_id) ORDER BY hash, member_id LIMIT :n

-- name: verify_keys :many
-- Natural keys in their order.
SELECT hash, fingerprint, member_id, event_id FROM event_key WHERE hash > :after ORDER BY hash LIMIT :n

-- name: verify_event_chain :many
-- Every event with the one before it, a member's in ascending order.
-- params: after_member after_id n
-- sqlite:
SELECT member_id, event_id, previous FROM event WHERE event_id > :after_id AND :after_member IS NOT NULL ORDER BY event_id LIMIT :n
-- postgres:
SELECT member_id, event_id, previous FROM event
WHERE (member_id, event_id) > (CAST(:after_member AS bigint), CAST(:after_id AS bigint)) ORDER BY member_id, event_id LIMIT :n

-- name: verify_transfer_chain :many
-- The same for points transfers.
-- params: after_member after_id n
-- sqlite:
SELECT member_id, transfer_id, previous FROM transfer
WHERE transfer_id > :after_id AND :after_member IS NOT NULL ORDER BY transfer_id LIMIT :n
-- postgres:
SELECT member_id, transfer_id, previous FROM transfer
WHERE (member_id, transfer_id) > (CAST(:after_member AS bigint), CAST(:after_id AS bigint)) ORDER BY member_id, transfer_id LIMIT :n

-- name: verify_sales :many
-- Purchases without a subject.
SELECT sale_id, time, booked_at, amount, currency, store, content, sealed FROM sale WHERE sale_id > :after ORDER BY sale_id LIMIT :n

-- name: sales_read :each
-- Those of some ids.
-- params: sale_id
-- sqlite:
SELECT sale_id, time, booked_at, amount, currency, store, content, sealed FROM sale WHERE sale_id = :sale_id
-- postgres:
SELECT s.sale_id, s.time, s.booked_at, s.amount, s.currency, s.store, s.content, s.sealed FROM sale s
WHERE s.sale_id = ANY(:sale_id::bigint[])

-- name: verify_held :many
-- Events that wait.
SELECT held_id, wait_kind, wait_hash, member_id, received_at, expires_at, credential, content, sealed
FROM held WHERE held_id > :after ORDER BY held_id LIMIT :n

-- name: held_read :each
-- Those of some ids.
-- params: held_id
-- sqlite:
SELECT held_id, wait_kind, wait_hash, member_id, received_at, expires_at, credential, content, sealed
FROM held WHERE held_id = :held_id
-- postgres:
SELECT h.held_id, h.wait_kind, h.wait_hash, h.member_id, h.received_at, h.expires_at, h.credential, h.content, h.sealed
FROM held h WHERE h.held_id = ANY(:held_id::bigint[])

-- name: verify_purchases :many
-- What refunds and changes have made of purchases.
-- params: member_id event_id n
SELECT member_id, event_id, version, content_event, data FROM purchase
WHERE (member_id, event_id) > (:member_id, :event_id) ORDER BY member_id, event_id LIMIT :n

-- name: database_check :many
-- What the database itself finds wrong with a table; "ok" when nothing. PostgreSQL has checksums of its own.
-- sqlite:
SELECT quick_check FROM pragma_quick_check(:name)
-- postgres:
SELECT 'ok' WHERE CAST(:name AS text) IS NOT NULL

-- name: verify_heads :many
-- States in the order of members.
SELECT member_id, state FROM member_state WHERE member_id > :after ORDER BY member_id LIMIT :n

-- name: verify_released :many
-- What became of held events, in the order of ids.
SELECT held_id, member_id, event_id FROM released WHERE held_id > :after ORDER BY held_id LIMIT :n

-- name: verify_event_ids :each
-- Which of these events are there, as those members'.
-- params: member_id event_id
-- sqlite:
SELECT event_id FROM event WHERE event_id = :event_id AND member_id = :member_id
-- postgres:
SELECT e.event_id FROM unnest(:member_id::bigint[], :event_id::bigint[]) AS u (member_id, event_id)
JOIN event e ON e.member_id = u.member_id AND e.event_id = u.event_id
