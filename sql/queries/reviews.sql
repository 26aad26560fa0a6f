-- Reviews of products and stores.

-- name: reviews_insert :each
-- New ones.
-- params: member_id review_id purchase_id sku store stars state submitted_at decided_at
-- sqlite:
INSERT INTO review (member_id, review_id, purchase_id, sku, store, stars, state, submitted_at, decided_at)
VALUES (:member_id, :review_id, :purchase_id, :sku, :store, :stars, :state, :submitted_at, :decided_at)
-- postgres:
INSERT INTO review (member_id, review_id, purchase_id, sku, store, stars, state, submitted_at, decided_at)
SELECT u.member_id, u.review_id, u.purchase_id, u.sku, u.store, u.stars, u.state, u.submitted_at, u.decided_at
FROM unnest(:member_id::bigint[], :review_id::bigint[], :purchase_id::bigint[], :sku::text[], :store::text[], :stars::bigint[],
            :state::bigint[], :submitted_at::bigint[], :decided_at::bigint[])
    AS u (member_id, review_id, purchase_id, sku, store, stars, state, submitted_at, decided_at)

-- name: reviews_decide :each
-- What staff have said of them.
-- params: member_id review_id state decided_at
-- sqlite:
UPDATE review SET state = :state, decided_at = :decided_at WHERE member_id = :member_id AND review_id = :review_id
-- postgres:
UPDATE review r SET state = u.state, decided_at = u.decided_at
FROM unnest(:member_id::bigint[], :review_id::bigint[], :state::bigint[], :decided_at::bigint[]) AS u (member_id, review_id, state, decided_at)
WHERE r.member_id = u.member_id AND r.review_id = u.review_id

-- name: review_read :many
-- One, by its id.
SELECT member_id, review_id, purchase_id, sku, store, stars, state, submitted_at, decided_at
FROM review WHERE review_id = :review_id ORDER BY member_id LIMIT 1

-- name: reviews_newest :many
-- Everybody's, newest first, before an id; the filters may be empty or span everything.
SELECT member_id, review_id, purchase_id, sku, store, stars, state, submitted_at, decided_at
FROM review WHERE review_id < :before AND (CAST(:sku AS text) = '' OR sku = :sku) AND (CAST(:store AS text) = '' OR store = :store)
AND stars BETWEEN :stars_min AND :stars_max AND state BETWEEN :state_min AND :state_max
ORDER BY review_id DESC LIMIT :n

-- name: reviews_of_state :many
-- Those in a state, newest first, before an id; the filters may be empty or span everything.
SELECT member_id, review_id, purchase_id, sku, store, stars, state, submitted_at, decided_at
FROM review WHERE state = :state AND review_id < :before AND (CAST(:sku AS text) = '' OR sku = :sku) AND (CAST(:store AS text) = '' OR store = :store)
AND stars BETWEEN :stars_min AND :stars_max AND state BETWEEN :state_min AND :state_max
ORDER BY review_id DESC LIMIT :n

-- name: reviews_of_sku :many
-- Those of a product, newest first, before an id; the filters may be empty or span everything.
SELECT member_id, review_id, purchase_id, sku, store, stars, state, submitted_at, decided_at
FROM review WHERE sku = :of_sku AND review_id < :before AND (CAST(:sku AS text) = '' OR sku = :sku) AND (CAST(:store AS text) = '' OR store = :store)
AND stars BETWEEN :stars_min AND :stars_max AND state BETWEEN :state_min AND :state_max
ORDER BY review_id DESC LIMIT :n

-- name: reviews_of_store :many
-- Those of a store and of what was bought there, newest first, before an id; the filters may be empty or span everything.
SELECT member_id, review_id, purchase_id, sku, store, stars, state, submitted_at, decided_at
FROM review WHERE store = :of_store AND review_id < :before AND (CAST(:sku AS text) = '' OR sku = :sku) AND (CAST(:store AS text) = '' OR store = :store)
AND stars BETWEEN :stars_min AND :stars_max AND state BETWEEN :state_min AND :state_max
ORDER BY review_id DESC LIMIT :n

-- name: reviews_of_member :many
-- A member's, newest first, before an id; the filters may be empty or span everything.
SELECT member_id, review_id, purchase_id, sku, store, stars, state, submitted_at, decided_at
FROM review WHERE member_id = :member_id AND review_id < :before AND (CAST(:sku AS text) = '' OR sku = :sku) AND (CAST(:store AS text) = '' OR store = :store)
AND stars BETWEEN :stars_min AND :stars_max AND state BETWEEN :state_min AND :state_max
ORDER BY review_id DESC LIMIT :n

-- name: review_sums_of_products :many
-- What is published of each product, after one.
SELECT sku, count(*), CAST(sum(stars) AS bigint), count(CASE WHEN stars = 1 THEN 1 END), count(CASE WHEN stars = 2 THEN 1 END), count(CASE WHEN stars = 3 THEN 1 END), count(CASE WHEN stars = 4 THEN 1 END), count(CASE WHEN stars = 5 THEN 1 END)
FROM review WHERE sku > :after AND state = 2 GROUP BY sku ORDER BY sku LIMIT :n

-- name: review_sums_of_product :many
-- What is published of one product.
SELECT sku, count(*), CAST(sum(stars) AS bigint), count(CASE WHEN stars = 1 THEN 1 END), count(CASE WHEN stars = 2 THEN 1 END), count(CASE WHEN stars = 3 THEN 1 END), count(CASE WHEN stars = 4 THEN 1 END), count(CASE WHEN stars = 5 THEN 1 END)
FROM review WHERE sku = :sku AND state = 2 GROUP BY sku ORDER BY sku LIMIT 1

-- name: review_sums_of_stores :many
-- What is published of each store itself, after one.
SELECT store, count(*), CAST(sum(stars) AS bigint), count(CASE WHEN stars = 1 THEN 1 END), count(CASE WHEN stars = 2 THEN 1 END), count(CASE WHEN stars = 3 THEN 1 END), count(CASE WHEN stars = 4 THEN 1 END), count(CASE WHEN stars = 5 THEN 1 END)
FROM review WHERE sku = '' AND store > :after AND state = 2 GROUP BY store ORDER BY store LIMIT :n

-- name: review_sums_of_store :many
-- What is published of one store itself.
SELECT store, count(*), CAST(sum(stars) AS bigint), count(CASE WHEN stars = 1 THEN 1 END), count(CASE WHEN stars = 2 THEN 1 END), count(CASE WHEN stars = 3 THEN 1 END), count(CASE WHEN stars = 4 THEN 1 END), count(CASE WHEN stars = 5 THEN 1 END)
FROM review WHERE sku = '' AND store = :store AND state = 2 GROUP BY store ORDER BY store LIMIT 1

-- name: reviews_forget :exec
-- At erasure: what was never published goes; of what was, the stars stay, the words are gone with the key.
DELETE FROM review WHERE member_id = :member_id AND state <> 2

-- name: verify_reviews :many
-- All, in order, for the self-check.
SELECT member_id, review_id, purchase_id, sku, store, stars, state, submitted_at, decided_at
FROM review WHERE review_id > :after ORDER BY review_id LIMIT :n
