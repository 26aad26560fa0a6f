-- Contests: their entries, what was published of them.

-- name: contest_entries_insert :each
-- Points transfers of the wallets that hold entries: what they add to a lot's active points; appended.
-- params: contest lot transfer_id member_id booked_at points
-- sqlite:
INSERT INTO contest_entry (contest, lot, transfer_id, member_id, booked_at, points)
VALUES (:contest, :lot, :transfer_id, :member_id, :booked_at, :points)
-- postgres:
INSERT INTO contest_entry (contest, lot, transfer_id, member_id, booked_at, points)
SELECT u.contest, u.lot, u.transfer_id, u.member_id, u.booked_at, u.points
FROM unnest(:contest::bigint[], :lot::bigint[], :transfer_id::bigint[], :member_id::bigint[], :booked_at::bigint[], :points::bigint[])
    AS u (contest, lot, transfer_id, member_id, booked_at, points)

-- name: contest_entries_list :many
-- Entries as they stood when the contest closed, in their order, from a lot on; a forgotten member's status beside theirs.
SELECT e.lot, e.member_id, CAST(SUM(e.points) AS bigint), MAX(m.status)
FROM contest_entry e JOIN member m ON m.member_id = e.member_id
WHERE e.contest = :contest AND e.lot > :after AND e.booked_at < :closes_at
GROUP BY e.lot, e.member_id HAVING SUM(e.points) > 0 ORDER BY e.lot LIMIT :n

-- name: contest_tickets_of :one
-- A member's entries as they stood when the contest closed.
SELECT CAST(COALESCE(SUM(points), 0) AS bigint) FROM contest_entry
WHERE contest = :contest AND member_id = :member_id AND booked_at < :closes_at

-- name: contest_draw_read :one
-- What was published of a contest.
SELECT slug, closes_at, entries, tickets, entries_hash, drawn_at, result FROM contest_draw WHERE contest = :contest

-- name: contest_close :exec
-- Fewer rows than one: it was closed already.
INSERT INTO contest_draw (contest, slug, closes_at, entries, tickets, entries_hash, drawn_at, result)
VALUES (:contest, :slug, :closes_at, :entries, :tickets, :entries_hash, NULL, NULL) ON CONFLICT (contest) DO NOTHING

-- name: contest_drawn :exec
-- Fewer rows than one: it was drawn already.
UPDATE contest_draw SET drawn_at = :drawn_at, result = :result WHERE contest = :contest AND drawn_at IS NULL

-- name: verify_contest_entries :many
-- Rows of the index in their order, for the self-check, with the points transfer that they are of.
SELECT e.contest, e.lot, e.transfer_id, e.member_id, e.booked_at, e.points,
       t.wallet, t.lot, t.member_id, t.booked_at, t.from_account, t.to_account, t.points
FROM contest_entry e LEFT JOIN transfer t ON t.transfer_id = e.transfer_id AND t.member_id = e.member_id
WHERE e.transfer_id > :after ORDER BY e.transfer_id LIMIT :n
