-- Work for other members that decisions have left.

-- name: relays_insert :each
-- Written with the decision that caused it, leased to the process that writes it.
-- params: relay_id member_id cause position kind time original data owner leased_until
-- sqlite:
INSERT INTO relay (relay_id, member_id, cause, position, kind, time, original, data, owner, leased_until, attempts)
VALUES (:relay_id, :member_id, :cause, :position, :kind, :time, :original, :data, :owner, :leased_until, 0)
-- postgres:
INSERT INTO relay (relay_id, member_id, cause, position, kind, time, original, data, owner, leased_until, attempts)
SELECT u.relay_id, u.member_id, u.cause, u.position, u.kind, u.time, u.original, u.data, u.owner, u.leased_until, 0
FROM unnest(:relay_id::bigint[], :member_id::bigint[], :cause::bigint[], :position::bigint[], :kind::bigint[], :time::bigint[],
            :original::text[], :data::text[], :owner::bigint[], :leased_until::bigint[])
    AS u (relay_id, member_id, cause, position, kind, time, original, data, owner, leased_until)

-- name: relays_of :many
-- What a process has leased, in the order in which it came up.
SELECT relay_id, member_id, cause, position, kind, time, original, data, attempts FROM relay
WHERE owner = :owner ORDER BY relay_id LIMIT :n

-- name: relays_due :many
-- What nobody has leased any more, the oldest lease first.
SELECT relay_id, member_id, attempts FROM relay WHERE leased_until <= :now ORDER BY leased_until, relay_id LIMIT :n

-- name: relays_claim :each
-- One try more; fewer rows than sent: another process was faster.
-- params: relay_id member_id attempts owner leased_until
-- sqlite:
UPDATE relay SET owner = :owner, leased_until = :leased_until, attempts = attempts + 1
WHERE relay_id = :relay_id AND member_id = :member_id AND attempts = :attempts
-- postgres:
UPDATE relay r SET owner = u.owner, leased_until = u.leased_until, attempts = r.attempts + 1
FROM unnest(:relay_id::bigint[], :member_id::bigint[], :attempts::bigint[], :owner::bigint[], :leased_until::bigint[])
    AS u (relay_id, member_id, attempts, owner, leased_until)
WHERE r.member_id = u.member_id AND r.relay_id = u.relay_id AND r.attempts = u.attempts

-- name: relays_wait :each
-- Nobody's until an instant.
-- params: relay_id member_id leased_until
-- sqlite:
UPDATE relay SET owner = 0, leased_until = :leased_until WHERE relay_id = :relay_id AND member_id = :member_id
-- postgres:
UPDATE relay r SET owner = 0, leased_until = u.leased_until
FROM unnest(:relay_id::bigint[], :member_id::bigint[], :leased_until::bigint[]) AS u (relay_id, member_id, leased_until)
WHERE r.member_id = u.member_id AND r.relay_id = u.relay_id

-- name: relays_wake :each
-- What has waited for the member to be resumed is this process's now.
-- params: member_id owner leased_until never
-- sqlite:
UPDATE relay SET owner = :owner, leased_until = :leased_until WHERE member_id = :member_id AND owner = 0 AND leased_until = :never
-- postgres:
UPDATE relay r SET owner = u.owner, leased_until = u.leased_until
FROM unnest(:member_id::bigint[], :owner::bigint[], :leased_until::bigint[], :never::bigint[])
    AS u (member_id, owner, leased_until, never)
WHERE r.member_id = u.member_id AND r.owner = 0 AND r.leased_until = u.never

-- name: relays_delete :each
-- Done, in the transaction of the decision that did it.
-- params: relay_id member_id
-- sqlite:
DELETE FROM relay WHERE relay_id = :relay_id AND member_id = :member_id
-- postgres:
DELETE FROM relay r USING unnest(:relay_id::bigint[], :member_id::bigint[]) AS u (relay_id, member_id)
WHERE r.member_id = u.member_id AND r.relay_id = u.relay_id

-- name: relays_forget :exec
-- There is nobody left to do it for.
DELETE FROM relay WHERE member_id = :member_id

-- name: verify_relays :many
-- Rows of work in the order of their ids, for the self-check.
SELECT relay_id, member_id, cause, position, kind, time, original, data, attempts FROM relay
WHERE relay_id > :after ORDER BY relay_id LIMIT :n
