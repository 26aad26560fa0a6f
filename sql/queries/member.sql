-- Members one by one, for the API and the command line.

-- name: member_read :one
-- The cold part.
SELECT member_id, enrolled_at, status, revision, sealed FROM member WHERE member_id = :member_id

-- name: member_update :exec
-- The profile, only over the revision that was read; nothing of a forgotten member is ever written again.
UPDATE member SET sealed = :sealed, revision = revision + 1
WHERE member_id = :member_id AND revision = :revision AND status <> 0

-- name: member_status_set :exec
-- Suspends and resumes.
UPDATE member SET status = :status, revision = revision + 1 WHERE member_id = :member_id AND status <> 0

-- name: member_erase :exec
-- What is left of a forgotten member: the row, for the books.
UPDATE member SET sealed = NULL, status = 0, revision = revision + 1 WHERE member_id = :member_id

-- name: member_clear_delete :exec
-- At erasure.
DELETE FROM member_clear WHERE member_id = :member_id

-- name: member_timers_delete :exec
-- At erasure: nothing waits for a forgotten member.
DELETE FROM timer WHERE member_id = :member_id

-- name: member_identifiers_delete :exec
-- At erasure when the profile cannot be opened any more: reads the whole table, so only then.
DELETE FROM identifier WHERE member_id = :member_id

-- name: member_words_delete :exec
-- The same for the words of the name.
DELETE FROM name_word WHERE member_id = :member_id

-- name: held_of_member :many
-- Events of a member that wait for their purchase.
SELECT held_id FROM held WHERE member_id = :member_id ORDER BY held_id LIMIT 65536

-- name: members_read :each
-- The cold part of several.
-- params: member_id
-- sqlite:
SELECT member_id, enrolled_at, status, revision, sealed FROM member WHERE member_id = :member_id
-- postgres:
SELECT m.member_id, m.enrolled_at, m.status, m.revision, m.sealed FROM member m WHERE m.member_id = ANY(:member_id::bigint[])

-- name: members_list :many
-- Newest first, after a cursor.
SELECT member_id, enrolled_at, status, revision, sealed FROM member WHERE member_id < :before ORDER BY member_id DESC LIMIT :n

-- name: members_by_words :many
-- Newest first, those whose name has all of the words; a word may be given twice.
-- params: word1 word2 word3 word4 before n
SELECT w.member_id FROM name_word w
WHERE w.hash = :word1 AND w.member_id < :before
  AND EXISTS (SELECT 1 FROM name_word x WHERE x.hash = :word2 AND x.member_id = w.member_id)
  AND EXISTS (SELECT 1 FROM name_word y WHERE y.hash = :word3 AND y.member_id = w.member_id)
  AND EXISTS (SELECT 1 FROM name_word z WHERE z.hash = :word4 AND z.member_id = w.member_id)
ORDER BY w.member_id DESC LIMIT :n

-- name: members_count :one
-- All that were ever enrolled.
SELECT count(*) FROM member

-- name: events_of_member :many
-- Newest first from an event on; on SQLite along the chain of previous events.
-- params: member_id from_id n
-- sqlite:
WITH RECURSIVE chain (id, i) AS (
    SELECT :from_id, 1
    UNION ALL
    SELECT e.previous, chain.i + 1 FROM chain JOIN event e ON e.event_id = chain.id WHERE chain.i < :n AND e.previous > 0
)
SELECT e.event_id, e.member_id, e.previous, e.kind, e.time, e.booked_at, e.version, e.outcome, e.credential, e.content, e.sealed, e.answer
FROM chain JOIN event e ON e.event_id = chain.id WHERE e.member_id = :member_id ORDER BY e.event_id DESC LIMIT :n
-- postgres:
SELECT event_id, member_id, previous, kind, time, booked_at, version, outcome, credential, content, sealed, answer
FROM event WHERE member_id = :member_id AND event_id <= :from_id ORDER BY event_id DESC LIMIT :n

-- name: transfers_of_member :many
-- Newest first from a transfer on; on SQLite along the chain of previous transfers.
-- params: member_id from_id n
-- sqlite:
WITH RECURSIVE chain (id, i) AS (
    SELECT :from_id, 1
    UNION ALL
    SELECT t.previous, chain.i + 1 FROM chain JOIN transfer t ON t.transfer_id = chain.id WHERE chain.i < :n AND t.previous > 0
)
SELECT t.transfer_id, t.previous, t.event_id, t.lot, t.at, t.booked_at, t.wallet, t.rule, t.version, t.kind, t.from_account, t.to_account, t.points, t.reason, t.hash
FROM chain JOIN transfer t ON t.transfer_id = chain.id WHERE t.member_id = :member_id ORDER BY t.transfer_id DESC LIMIT :n
-- postgres:
SELECT transfer_id, previous, event_id, lot, at, booked_at, wallet, rule, version, kind, from_account, to_account, points, reason, hash
FROM transfer WHERE member_id = :member_id AND transfer_id <= :from_id ORDER BY transfer_id DESC LIMIT :n
