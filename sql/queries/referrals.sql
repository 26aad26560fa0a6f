-- Referrals: codes, likenesses, and the lists of advocates.

-- name: referrals_lock :one
-- Naming an advocate has one writer at a time, so that no two namings close a circle that neither sees.
-- params: n
-- sqlite:
SELECT :n
-- postgres:
SELECT 1 FROM pg_advisory_xact_lock(7003, CAST(:n AS int))

-- name: referral_codes_insert :each
-- A member's code; what is there stays, and fewer rows come back.
-- params: member_id hash sealed
-- sqlite:
INSERT INTO referral_code (member_id, hash, sealed) VALUES (:member_id, :hash, :sealed) ON CONFLICT DO NOTHING
-- postgres:
INSERT INTO referral_code (member_id, hash, sealed)
SELECT u.member_id, u.hash, u.sealed FROM unnest(:member_id::bigint[], :hash::bytea[], :sealed::bytea[]) AS u (member_id, hash, sealed)
ORDER BY u.member_id
ON CONFLICT DO NOTHING RETURNING member_id

-- name: referral_hashes_insert :each
-- What finds the code.
-- params: hash member_id
-- sqlite:
INSERT INTO referral_code_hash (hash, member_id) VALUES (:hash, :member_id)
-- postgres:
INSERT INTO referral_code_hash (hash, member_id)
SELECT u.hash, u.member_id FROM unnest(:hash::bytea[], :member_id::bigint[]) AS u (hash, member_id)

-- name: referral_codes_find :each
-- Advocates by the hashes of their codes.
-- params: hash
-- sqlite:
SELECT hash, member_id FROM referral_code_hash WHERE hash = :hash
-- postgres:
SELECT c.hash, c.member_id FROM referral_code_hash c WHERE c.hash = ANY(:hash::bytea[])

-- name: referral_code_read :many
-- A member's own code.
SELECT hash, sealed FROM referral_code WHERE member_id = :member_id ORDER BY member_id LIMIT 1

-- name: referral_hash_delete :exec
-- A forgotten member's code finds nobody.
DELETE FROM referral_code_hash WHERE hash = :hash

-- name: referral_code_delete :exec
-- The same.
DELETE FROM referral_code WHERE member_id = :member_id

-- name: likenesses_insert :each
-- What a member has in common with themself under another name; they are added to, so that a changed address is still known.
-- params: member_id kind hash
-- sqlite:
INSERT INTO likeness (member_id, kind, hash) VALUES (:member_id, :kind, :hash) ON CONFLICT DO NOTHING
-- postgres:
INSERT INTO likeness (member_id, kind, hash)
SELECT u.member_id, u.kind, u.hash FROM unnest(:member_id::bigint[], :kind::bigint[], :hash::bytea[]) AS u (member_id, kind, hash)
ORDER BY u.member_id, u.kind, u.hash
ON CONFLICT DO NOTHING

-- name: likenesses_of :many
-- Those of one member.
SELECT kind, hash FROM likeness WHERE member_id = :member_id ORDER BY kind, hash LIMIT 1000

-- name: likenesses_delete :exec
-- At erasure.
DELETE FROM likeness WHERE member_id = :member_id

-- name: referrals_write :each
-- A line of an advocate's list, as it stands now.
-- params: member_id referral_id referee_id definition state named_at qualified_at held_until rewarded_at revoked_at
-- sqlite:
INSERT INTO referral (member_id, referral_id, referee_id, definition, state, named_at, qualified_at, held_until, rewarded_at, revoked_at)
VALUES (:member_id, :referral_id, :referee_id, :definition, :state, :named_at, :qualified_at, :held_until, :rewarded_at, :revoked_at)
ON CONFLICT (member_id, referral_id) DO UPDATE SET definition = excluded.definition, state = excluded.state,
qualified_at = excluded.qualified_at, held_until = excluded.held_until, rewarded_at = excluded.rewarded_at, revoked_at = excluded.revoked_at
-- postgres:
INSERT INTO referral (member_id, referral_id, referee_id, definition, state, named_at, qualified_at, held_until, rewarded_at, revoked_at)
SELECT u.member_id, u.referral_id, u.referee_id, u.definition, u.state, u.named_at, u.qualified_at, u.held_until, u.rewarded_at, u.revoked_at
FROM unnest(:member_id::bigint[], :referral_id::bigint[], :referee_id::bigint[], :definition::bigint[], :state::bigint[], :named_at::bigint[],
            :qualified_at::bigint[], :held_until::bigint[], :rewarded_at::bigint[], :revoked_at::bigint[])
    AS u (member_id, referral_id, referee_id, definition, state, named_at, qualified_at, held_until, rewarded_at, revoked_at)
ON CONFLICT (member_id, referral_id) DO UPDATE SET definition = excluded.definition, state = excluded.state,
qualified_at = excluded.qualified_at, held_until = excluded.held_until, rewarded_at = excluded.rewarded_at, revoked_at = excluded.revoked_at

-- name: referrals_of_member :many
-- An advocate's list, newest first, before an id.
SELECT member_id, referral_id, referee_id, definition, state, named_at, qualified_at, held_until, rewarded_at, revoked_at
FROM referral WHERE member_id = :member_id AND referral_id < :before ORDER BY referral_id DESC LIMIT :n

-- name: referrals_newest :many
-- Everybody's, newest first, before an id.
SELECT member_id, referral_id, referee_id, definition, state, named_at, qualified_at, held_until, rewarded_at, revoked_at
FROM referral WHERE referral_id < :before ORDER BY referral_id DESC LIMIT :n

-- name: verify_referral_codes :many
-- Codes in order, for the self-check.
SELECT member_id, hash, sealed FROM referral_code WHERE member_id > :after ORDER BY member_id LIMIT :n

-- name: verify_referral_hashes :many
-- What finds codes, in order.
SELECT hash, member_id FROM referral_code_hash WHERE hash > :after ORDER BY hash LIMIT :n

-- name: verify_referral_codes_of :each
-- Members' own codes.
-- params: member_id
-- sqlite:
SELECT member_id, hash FROM referral_code WHERE member_id = :member_id
-- postgres:
SELECT c.member_id, c.hash FROM referral_code c WHERE c.member_id = ANY(:member_id::bigint[])

-- name: verify_referrals :many
-- Lines of all lists, in order.
SELECT member_id, referral_id, referee_id, definition, state, named_at, qualified_at, held_until, rewarded_at, revoked_at
FROM referral WHERE referral_id > :after ORDER BY referral_id LIMIT :n
