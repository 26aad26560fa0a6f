-- Members whose books are damaged: few, and read whole when the epoch changes.

-- name: frozen_list :many
-- By id.
SELECT member_id, frozen_at, invariant, place, detail FROM frozen ORDER BY member_id LIMIT :n

-- name: frozen_insert :exec
-- The first reason stays.
INSERT INTO frozen (member_id, frozen_at, invariant, place, detail)
VALUES (:member_id, :frozen_at, :invariant, :place, :detail) ON CONFLICT DO NOTHING

-- name: frozen_delete :exec
-- After a clean check.
DELETE FROM frozen WHERE member_id = :member_id

-- name: frozen_count :one
-- For metrics.
SELECT count(*) FROM frozen

-- name: timers_forgive :exec
-- Timers of a frozen member are given up after their attempts: they count from the beginning again.
UPDATE timer SET attempts = 0 WHERE member_id = :member_id

-- name: verify_newest :many
-- Whose books were written last, for the check at the start.
-- params: n
-- sqlite:
SELECT DISTINCT t.member_id FROM (SELECT member_id FROM transfer ORDER BY transfer_id DESC LIMIT :n) t ORDER BY t.member_id LIMIT :n
-- postgres:
SELECT member_id FROM member ORDER BY member_id DESC LIMIT :n

-- name: database_bytes :one
-- How large the file is; 0 where the database checks itself.
-- params: n
-- sqlite:
SELECT page_count * page_size * :n FROM pragma_page_count, pragma_page_size
-- postgres:
SELECT 0 * CAST(:n AS bigint)
