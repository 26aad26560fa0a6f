-- Issued rewards, their codes, coupon pools.

-- name: issued_read :each
-- Rewards of members by id.
-- params: member_id reward_id
-- sqlite:
SELECT reward_id, member_id, previous, version, reward, state, data, sealed FROM issued_reward
WHERE reward_id = :reward_id AND member_id = :member_id
-- postgres:
SELECT r.reward_id, r.member_id, r.previous, r.version, r.reward, r.state, r.data, r.sealed
FROM unnest(:member_id::bigint[], :reward_id::bigint[]) AS u (member_id, reward_id)
JOIN issued_reward r ON r.member_id = u.member_id AND r.reward_id = u.reward_id

-- name: issued_of_member :many
-- Newest first from a reward on; on SQLite along the chain of previous rewards.
-- params: member_id from_id n
-- sqlite:
WITH RECURSIVE chain (id, i) AS (
    SELECT :from_id, 1
    UNION ALL
    SELECT r.previous, chain.i + 1 FROM chain JOIN issued_reward r ON r.reward_id = chain.id WHERE chain.i < :n AND r.previous > 0
)
SELECT r.reward_id, r.member_id, r.previous, r.version, r.reward, r.state, r.data, r.sealed
FROM chain JOIN issued_reward r ON r.reward_id = chain.id WHERE r.member_id = :member_id ORDER BY r.reward_id DESC LIMIT :n
-- postgres:
SELECT reward_id, member_id, previous, version, reward, state, data, sealed
FROM issued_reward WHERE member_id = :member_id AND reward_id <= :from_id ORDER BY reward_id DESC LIMIT :n

-- name: issued_owner :one
-- Whose reward this is.
SELECT member_id FROM issued_reward WHERE reward_id = :reward_id ORDER BY member_id LIMIT 1

-- name: issued_counts :many
-- How many of each reward were issued and not cancelled (state 4).
SELECT reward, count(*) FROM issued_reward WHERE state <> 4 GROUP BY reward ORDER BY reward

-- name: issued_write :each
-- New rewards and what became of others; the member's lock and version guard these rows too.
-- params: reward_id member_id previous reward state data sealed
-- sqlite:
INSERT INTO issued_reward (reward_id, member_id, previous, version, reward, state, data, sealed)
VALUES (:reward_id, :member_id, :previous, 1, :reward, :state, :data, :sealed)
ON CONFLICT (reward_id) DO UPDATE SET version = issued_reward.version + 1, state = excluded.state, data = excluded.data
-- postgres:
INSERT INTO issued_reward (reward_id, member_id, previous, version, reward, state, data, sealed)
SELECT u.reward_id, u.member_id, u.previous, 1, u.reward, u.state, u.data, u.sealed
FROM unnest(:reward_id::bigint[], :member_id::bigint[], :previous::bigint[], :reward::bigint[], :state::bigint[], :data::bytea[], :sealed::bytea[])
    AS u (reward_id, member_id, previous, reward, state, data, sealed)
ON CONFLICT (member_id, reward_id) DO UPDATE SET version = issued_reward.version + 1, state = excluded.state, data = excluded.data

-- name: reward_codes_insert :each
-- Fewer rows than sent: a code that was drawn exists already; roll back and draw again.
-- params: hash member_id reward_id
-- sqlite:
INSERT INTO reward_code (hash, member_id, reward_id) VALUES (:hash, :member_id, :reward_id) ON CONFLICT DO NOTHING
-- postgres:
INSERT INTO reward_code (hash, member_id, reward_id)
SELECT u.hash, u.member_id, u.reward_id FROM unnest(:hash::bytea[], :member_id::bigint[], :reward_id::bigint[]) AS u (hash, member_id, reward_id)
ORDER BY u.hash
ON CONFLICT DO NOTHING RETURNING reward_id

-- name: reward_codes_find :each
-- Issued rewards by their codes.
-- params: hash
-- sqlite:
SELECT hash, member_id, reward_id FROM reward_code WHERE hash = :hash
-- postgres:
SELECT c.hash, c.member_id, c.reward_id FROM reward_code c WHERE c.hash = ANY(:hash::bytea[])

-- name: reward_codes_forget :exec
-- At erasure: nothing finds a forgotten member's codes.
DELETE FROM reward_code WHERE member_id = :member_id

-- name: coupons_insert :each
-- Codes of a pool, numbered without gaps.
-- params: pool n sealed
-- sqlite:
INSERT INTO coupon (pool, n, sealed) VALUES (:pool, :n, :sealed)
-- postgres:
INSERT INTO coupon (pool, n, sealed)
SELECT u.pool, u.n, u.sealed FROM unnest(:pool::bigint[], :n::bigint[], :sealed::bytea[]) AS u (pool, n, sealed)

-- name: coupon_hashes_find :each
-- Those of the codes that the pool has already.
-- params: pool hash
-- sqlite:
SELECT hash FROM coupon_hash WHERE pool = :pool AND hash = :hash
-- postgres:
SELECT c.hash FROM unnest(:pool::bigint[], :hash::bytea[]) AS u (pool, hash)
JOIN coupon_hash c ON c.pool = u.pool AND c.hash = u.hash

-- name: coupon_hashes_insert :each
-- New codes of a pool; what was looked up before is not among them.
-- params: pool hash
-- sqlite:
INSERT INTO coupon_hash (pool, hash) VALUES (:pool, :hash)
-- postgres:
INSERT INTO coupon_hash (pool, hash)
SELECT u.pool, u.hash FROM unnest(:pool::bigint[], :hash::bytea[]) AS u (pool, hash)

-- name: coupons_read :each
-- Codes by number.
-- params: pool n
-- sqlite:
SELECT pool, n, sealed FROM coupon WHERE pool = :pool AND n = :n
-- postgres:
SELECT c.pool, c.n, c.sealed FROM unnest(:pool::bigint[], :n::bigint[]) AS u (pool, n)
JOIN coupon c ON c.pool = u.pool AND c.n = u.n

-- name: redemption_codes_find :each
-- Codes that earn, by their hashes.
-- params: hash
-- sqlite:
SELECT hash, definition, used FROM redemption_code WHERE hash = :hash
-- postgres:
SELECT c.hash, c.definition, c.used FROM redemption_code c WHERE c.hash = ANY(:hash::bytea[])

-- name: redemption_codes_insert :each
-- New codes; what is there already is left alone, and fewer rows come back.
-- params: hash definition
-- sqlite:
INSERT INTO redemption_code (hash, definition, used) VALUES (:hash, :definition, 0) ON CONFLICT DO NOTHING
-- postgres:
INSERT INTO redemption_code (hash, definition, used)
SELECT u.hash, u.definition, 0 FROM unnest(:hash::bytea[], :definition::bigint[]) AS u (hash, definition)
ORDER BY u.hash
ON CONFLICT DO NOTHING RETURNING definition

-- name: redemption_codes_use :each
-- One use more; fewer rows than sent: another process was faster.
-- params: hash used
-- sqlite:
UPDATE redemption_code SET used = :used + 1 WHERE hash = :hash AND used = :used
-- postgres:
UPDATE redemption_code c SET used = u.used + 1 FROM unnest(:hash::bytea[], :used::bigint[]) AS u (hash, used)
WHERE c.hash = u.hash AND c.used = u.used
