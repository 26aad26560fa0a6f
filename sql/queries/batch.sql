-- What the batch engine reads and writes: every statement here runs once per batch on PostgreSQL.

-- name: instance_read :one
-- The epoch that caches live under, and the test clock.
SELECT instance_id, master_check, epoch, test_now, audit_seq, audit_hash, created_at FROM instance WHERE id = 1

-- name: instance_insert :exec
-- At init.
INSERT INTO instance (id, instance_id, master_check, created_at, epoch, test_now, audit_seq, audit_hash)
VALUES (1, :instance_id, :master_check, :created_at, 1, :test_now, 0, '')

-- name: instance_share :one
-- Batches may run beside each other but not beside a publication.
-- params: n
-- sqlite:
SELECT :n
-- postgres:
SELECT 1 FROM pg_advisory_xact_lock_shared(7001, CAST(:n AS int))

-- name: instance_own :one
-- Publishing and other changes of the instance wait for all batches and keep new ones out.
-- params: n
-- sqlite:
SELECT :n
-- postgres:
SELECT 1 FROM pg_advisory_xact_lock(7001, CAST(:n AS int))

-- name: instance_epoch_raise :exec
-- Tells every process that what it cached is old.
-- params: id
UPDATE instance SET epoch = epoch + 1 WHERE id = :id

-- name: instance_clock_set :exec
-- Moves the test clock; never back.
UPDATE instance SET test_now = :test_now WHERE id = 1 AND test_now IS NOT NULL AND test_now <= :test_now

-- name: ids_newest :one
-- The newest ids given out by any process. Other databases than SQLite give every process a number, so that only a clock that
-- stands still could make a new process repeat the ids of the one before it.
-- sqlite:
SELECT (SELECT max(event_id) FROM event), (SELECT max(transfer_id) FROM transfer), (SELECT max(sale_id) FROM sale),
       (SELECT max(held_id) FROM held), (SELECT max(member_id) FROM member), (SELECT max(key_id) FROM api_key)
-- postgres:
SELECT CASE WHEN i.test_now IS NULL THEN 0 ELSE
    greatest((SELECT max(event_id) FROM event), (SELECT max(transfer_id) FROM transfer), (SELECT max(sale_id) FROM sale),
             (SELECT max(held_id) FROM held), (SELECT max(member_id) FROM member), (SELECT max(key_id) FROM api_key)) END
FROM instance i WHERE i.id = 1

-- name: identifiers_find :each
-- Members by blind index.
-- params: kind hash
-- sqlite:
SELECT kind, hash, member_id FROM identifier WHERE kind = :kind AND hash = :hash
-- postgres:
SELECT i.kind, i.hash, i.member_id FROM unnest(:kind::bigint[], :hash::bytea[]) AS u (kind, hash)
JOIN identifier i ON i.kind = u.kind AND i.hash = u.hash

-- name: identifiers_insert :each
-- Fewer rows than sent: an identifier is taken.
-- params: kind hash member_id
-- sqlite:
INSERT INTO identifier (kind, hash, member_id) VALUES (:kind, :hash, :member_id) ON CONFLICT DO NOTHING
-- postgres:
INSERT INTO identifier (kind, hash, member_id)
SELECT u.kind, u.hash, u.member_id FROM unnest(:kind::bigint[], :hash::bytea[], :member_id::bigint[]) AS u (kind, hash, member_id)
ORDER BY u.kind, u.hash
ON CONFLICT DO NOTHING RETURNING member_id

-- name: identifiers_delete :each
-- At erasure and when an identifier changes.
-- params: kind hash member_id
-- sqlite:
DELETE FROM identifier WHERE kind = :kind AND hash = :hash AND member_id = :member_id
-- postgres:
DELETE FROM identifier i USING unnest(:kind::bigint[], :hash::bytea[], :member_id::bigint[]) AS u (kind, hash, member_id)
WHERE i.kind = u.kind AND i.hash = u.hash AND i.member_id = u.member_id

-- name: members_lock :one
-- Members are locked in id order before anything of them is read.
-- params: members
-- sqlite:
SELECT 0 WHERE :members IS NOT NULL
-- postgres:
SELECT count(pg_advisory_xact_lock(s.m)) FROM (SELECT CAST(x AS bigint) AS m FROM unnest(string_to_array(CAST(:members AS text), ',')) AS x ORDER BY 1) s

-- name: strangers_lock :one
-- Whoever holds an event for an identifier and whoever takes the identifier come one after the other.
-- params: hashes
-- sqlite:
SELECT 0 WHERE :hashes IS NOT NULL
-- postgres:
SELECT count(pg_advisory_xact_lock(7004, s.h)) FROM (SELECT CAST(x AS integer) AS h FROM unnest(string_to_array(CAST(:hashes AS text), ',')) AS x ORDER BY 1) s

-- name: event_keys_find :each
-- Events known by their natural keys.
-- params: hash
-- sqlite:
SELECT hash, fingerprint, member_id, event_id FROM event_key WHERE hash = :hash
-- postgres:
SELECT k.hash, k.fingerprint, k.member_id, k.event_id FROM event_key k WHERE k.hash = ANY(:hash::bytea[])

-- name: event_keys_insert :each
-- Fewer rows than sent: another process was faster; roll back and run again.
-- params: hash fingerprint member_id event_id
-- sqlite:
INSERT INTO event_key (hash, fingerprint, member_id, event_id)
VALUES (:hash, :fingerprint, :member_id, :event_id) ON CONFLICT DO NOTHING
-- postgres:
INSERT INTO event_key (hash, fingerprint, member_id, event_id)
SELECT u.hash, u.fingerprint, u.member_id, u.event_id
FROM unnest(:hash::bytea[], :fingerprint::bytea[], :member_id::bigint[], :event_id::bigint[]) AS u (hash, fingerprint, member_id, event_id)
ORDER BY u.hash
ON CONFLICT DO NOTHING RETURNING event_id

-- name: member_states_read :each
-- The hot row of each member.
-- params: member_id
-- sqlite:
SELECT member_id, version, state FROM member_state WHERE member_id = :member_id
-- postgres:
SELECT s.member_id, s.version, s.state FROM member_state s WHERE s.member_id = ANY(:member_id::bigint[])

-- name: member_states_insert :each
-- Of new members.
-- params: member_id state
-- sqlite:
INSERT INTO member_state (member_id, version, state) VALUES (:member_id, 1, :state)
-- postgres:
INSERT INTO member_state (member_id, version, state)
SELECT u.member_id, 1, u.state FROM unnest(:member_id::bigint[], :state::bytea[]) AS u (member_id, state)

-- name: member_states_update :each
-- Only where the version is the one that was read.
-- params: member_id version state
-- sqlite:
UPDATE member_state SET version = version + 1, state = :state WHERE member_id = :member_id AND version = :version
-- postgres:
UPDATE member_state s SET version = s.version + 1, state = u.state
FROM unnest(:member_id::bigint[], :version::bigint[], :state::bytea[]) AS u (member_id, version, state)
WHERE s.member_id = u.member_id AND s.version = u.version

-- name: member_chunks_read :many
-- All cold lots or counters of one member.
SELECT number, data FROM member_chunk WHERE member_id = :member_id AND kind = :kind ORDER BY number LIMIT 100000

-- name: member_chunks_write :each
-- New and changed chunks.
-- params: member_id kind number data
-- sqlite:
INSERT INTO member_chunk (member_id, kind, number, data) VALUES (:member_id, :kind, :number, :data)
ON CONFLICT (member_id, kind, number) DO UPDATE SET data = excluded.data
-- postgres:
INSERT INTO member_chunk (member_id, kind, number, data)
SELECT u.member_id, u.kind, u.number, u.data
FROM unnest(:member_id::bigint[], :kind::bigint[], :number::bigint[], :data::bytea[]) AS u (member_id, kind, number, data)
ON CONFLICT (member_id, kind, number) DO UPDATE SET data = excluded.data

-- name: member_clears_read :each
-- What conditions may look at.
-- params: member_id
-- sqlite:
SELECT member_id, birth_year, birth_month, birth_day, gender, country, city, language, tags, attributes, birth_entered_at, birth_changes
FROM member_clear WHERE member_id = :member_id
-- postgres:
SELECT c.member_id, c.birth_year, c.birth_month, c.birth_day, c.gender, c.country, c.city, c.language, c.tags, c.attributes, c.birth_entered_at, c.birth_changes
FROM member_clear c WHERE c.member_id = ANY(:member_id::bigint[])

-- name: events_insert :each
-- Decided events; appended.
-- params: event_id member_id previous kind time booked_at version outcome credential content sealed answer
-- sqlite:
INSERT INTO event (event_id, member_id, previous, kind, time, booked_at, version, outcome, credential, content, sealed, answer)
VALUES (:event_id, :member_id, :previous, :kind, :time, :booked_at, :version, :outcome, :credential, :content, :sealed, :answer)
-- postgres:
INSERT INTO event (event_id, member_id, previous, kind, time, booked_at, version, outcome, credential, content, sealed, answer)
SELECT u.event_id, u.member_id, u.previous, u.kind, u.time, u.booked_at, u.version, u.outcome, u.credential, u.content, u.sealed, u.answer
FROM unnest(:event_id::bigint[], :member_id::bigint[], :previous::bigint[], :kind::bigint[], :time::bigint[], :booked_at::bigint[],
            :version::bigint[], :outcome::bigint[], :credential::bigint[], :content::bytea[], :sealed::bytea[], :answer::bytea[])
     AS u (event_id, member_id, previous, kind, time, booked_at, version, outcome, credential, content, sealed, answer)

-- name: transfers_insert :each
-- Points transfers; appended.
-- params: transfer_id member_id previous event_id lot at booked_at wallet rule version kind from_account to_account points reason hash
-- sqlite:
INSERT INTO transfer (transfer_id, member_id, previous, event_id, lot, at, booked_at, wallet, rule, version, kind, from_account, to_account, points, reason, hash)
VALUES (:transfer_id, :member_id, :previous, :event_id, :lot, :at, :booked_at, :wallet, :rule, :version, :kind, :from_account, :to_account, :points, :reason, :hash)
-- postgres:
INSERT INTO transfer (transfer_id, member_id, previous, event_id, lot, at, booked_at, wallet, rule, version, kind, from_account, to_account, points, reason, hash)
SELECT u.transfer_id, u.member_id, u.previous, u.event_id, u.lot, u.at, u.booked_at, u.wallet, u.rule, u.version, u.kind, u.from_account, u.to_account, u.points, u.reason, u.hash
FROM unnest(:transfer_id::bigint[], :member_id::bigint[], :previous::bigint[], :event_id::bigint[], :lot::bigint[], :at::bigint[], :booked_at::bigint[],
            :wallet::bigint[], :rule::bigint[], :version::bigint[], :kind::bigint[], :from_account::bigint[], :to_account::bigint[], :points::bigint[],
            :reason::bytea[], :hash::bytea[])
     AS u (transfer_id, member_id, previous, event_id, lot, at, booked_at, wallet, rule, version, kind, from_account, to_account, points, reason, hash)

-- name: purchases_read :each
-- What refunds and changes have made of purchases.
-- params: member_id event_id
-- sqlite:
SELECT member_id, event_id, version, content_event, data FROM purchase WHERE member_id = :member_id AND event_id = :event_id
-- postgres:
SELECT p.member_id, p.event_id, p.version, p.content_event, p.data
FROM unnest(:member_id::bigint[], :event_id::bigint[]) AS u (member_id, event_id)
JOIN purchase p ON p.member_id = u.member_id AND p.event_id = u.event_id

-- name: purchases_write :each
-- The member's lock and version guard these rows too.
-- params: member_id event_id content_event data
-- sqlite:
INSERT INTO purchase (member_id, event_id, version, content_event, data) VALUES (:member_id, :event_id, 1, :content_event, :data)
ON CONFLICT (member_id, event_id) DO UPDATE SET version = purchase.version + 1, content_event = excluded.content_event, data = excluded.data
-- postgres:
INSERT INTO purchase (member_id, event_id, version, content_event, data)
SELECT u.member_id, u.event_id, 1, u.content_event, u.data
FROM unnest(:member_id::bigint[], :event_id::bigint[], :content_event::bigint[], :data::bytea[]) AS u (member_id, event_id, content_event, data)
ON CONFLICT (member_id, event_id) DO UPDATE SET version = purchase.version + 1, content_event = excluded.content_event, data = excluded.data

-- name: events_read :each
-- Whole events by id.
-- params: member_id event_id
-- sqlite:
SELECT event_id, member_id, previous, kind, time, booked_at, version, outcome, credential, content, sealed, answer
FROM event WHERE event_id = :event_id AND member_id = :member_id
-- postgres:
SELECT e.event_id, e.member_id, e.previous, e.kind, e.time, e.booked_at, e.version, e.outcome, e.credential, e.content, e.sealed, e.answer
FROM unnest(:member_id::bigint[], :event_id::bigint[]) AS u (member_id, event_id)
JOIN event e ON e.member_id = u.member_id AND e.event_id = u.event_id

-- name: timers_write :each
-- One lazy timer per member and kind; only ever moved to an earlier time, or after it has fired.
-- params: member_id kind due_at
-- sqlite:
INSERT INTO timer (member_id, kind, due_at, attempts) VALUES (:member_id, :kind, :due_at, 0)
ON CONFLICT (member_id, kind) DO UPDATE SET due_at = excluded.due_at, attempts = 0
-- postgres:
INSERT INTO timer (member_id, kind, due_at, attempts)
SELECT u.member_id, u.kind, u.due_at, 0 FROM unnest(:member_id::bigint[], :kind::bigint[], :due_at::bigint[]) AS u (member_id, kind, due_at)
ON CONFLICT (member_id, kind) DO UPDATE SET due_at = excluded.due_at, attempts = 0

-- name: timers_delete :each
-- Nothing waits any more.
-- params: member_id kind
-- sqlite:
DELETE FROM timer WHERE member_id = :member_id AND kind = :kind
-- postgres:
DELETE FROM timer t USING unnest(:member_id::bigint[], :kind::bigint[]) AS u (member_id, kind)
WHERE t.member_id = u.member_id AND t.kind = u.kind

-- name: timers_due :many
-- Members whose timer is due, earliest first.
-- params: now n
SELECT member_id, kind, due_at, attempts FROM timer WHERE due_at <= :now AND attempts < 5 ORDER BY due_at, member_id, kind LIMIT :n

-- name: timers_attempt :each
-- Counted before the work, so that what kills a process is given up in the end.
-- params: member_id kind attempts
-- sqlite:
UPDATE timer SET attempts = attempts + 1 WHERE member_id = :member_id AND kind = :kind AND attempts = :attempts
-- postgres:
UPDATE timer t SET attempts = t.attempts + 1
FROM unnest(:member_id::bigint[], :kind::bigint[], :attempts::bigint[]) AS u (member_id, kind, attempts)
WHERE t.member_id = u.member_id AND t.kind = u.kind AND t.attempts = u.attempts

-- name: timers_parked :one
-- Timers that were given up, for the health page.
SELECT count(*) FROM timer WHERE attempts >= 5

-- name: held_insert :each
-- Events that wait for a person or a purchase.
-- params: held_id wait_kind wait_hash member_id received_at expires_at credential content sealed
-- sqlite:
INSERT INTO held (held_id, wait_kind, wait_hash, member_id, received_at, expires_at, credential, content, sealed)
VALUES (:held_id, :wait_kind, :wait_hash, :member_id, :received_at, :expires_at, :credential, :content, :sealed)
-- postgres:
INSERT INTO held (held_id, wait_kind, wait_hash, member_id, received_at, expires_at, credential, content, sealed)
SELECT u.held_id, u.wait_kind, u.wait_hash, u.member_id, u.received_at, u.expires_at, u.credential, u.content, u.sealed
FROM unnest(:held_id::bigint[], :wait_kind::bigint[], :wait_hash::bytea[], :member_id::bigint[], :received_at::bigint[], :expires_at::bigint[],
            :credential::bigint[], :content::bytea[], :sealed::bytea[])
     AS u (held_id, wait_kind, wait_hash, member_id, received_at, expires_at, credential, content, sealed)

-- name: held_find :each
-- What waits for any of these, in the order of arrival.
-- params: wait_hash
-- sqlite:
SELECT held_id, wait_kind, wait_hash, member_id, received_at, expires_at, credential, content, sealed
FROM held WHERE wait_hash = :wait_hash ORDER BY held_id LIMIT 10000
-- postgres:
SELECT h.held_id, h.wait_kind, h.wait_hash, h.member_id, h.received_at, h.expires_at, h.credential, h.content, h.sealed
FROM held h WHERE h.wait_hash = ANY(:wait_hash::bytea[]) ORDER BY h.held_id LIMIT 100000

-- name: held_any :one
-- 1 when anything waits at all: most batches need not look closer.
SELECT count(*) FROM (SELECT 1 AS one FROM held LIMIT 1) h

-- name: booked_any :one
-- More than 0 when points, purchases or rewards were booked at all, or wait to be: one row of each tells.
SELECT (SELECT count(*) FROM (SELECT 1 AS one FROM transfer LIMIT 1) t)
    + (SELECT count(*) FROM (SELECT 1 AS one FROM purchase LIMIT 1) p)
    + (SELECT count(*) FROM (SELECT 1 AS one FROM issued_reward LIMIT 1) r)
    + (SELECT count(*) FROM (SELECT 1 AS one FROM held LIMIT 1) h)

-- name: held_delete :each
-- Decided, or over.
-- params: held_id
-- sqlite:
DELETE FROM held WHERE held_id = :held_id
-- postgres:
DELETE FROM held h WHERE h.held_id = ANY(:held_id::bigint[])

-- name: held_wait_on :each
-- The person is known now, the purchase still is not.
-- params: held_id wait_hash member_id
-- sqlite:
UPDATE held SET wait_kind = 1, wait_hash = :wait_hash, member_id = :member_id WHERE held_id = :held_id
-- postgres:
UPDATE held h SET wait_kind = 1, wait_hash = u.wait_hash, member_id = u.member_id
FROM unnest(:held_id::bigint[], :wait_hash::bytea[], :member_id::bigint[]) AS u (held_id, wait_hash, member_id)
WHERE h.held_id = u.held_id

-- name: released_find :each
-- What became of held events, and of those that a suspension has refused.
-- params: held_id
-- sqlite:
SELECT held_id, member_id, event_id FROM released WHERE held_id = :held_id
-- postgres:
SELECT r.held_id, r.member_id, r.event_id FROM released r WHERE r.held_id = ANY(:held_id::bigint[])

-- name: released_insert :each
-- Of a purchase: what is said of it later names it by the natural key that it was held under. Of an event that a suspension has refused:
-- it is decided once.
-- params: held_id member_id event_id
-- sqlite:
INSERT INTO released (held_id, member_id, event_id) VALUES (:held_id, :member_id, :event_id)
-- postgres:
INSERT INTO released (held_id, member_id, event_id)
SELECT u.held_id, u.member_id, u.event_id FROM unnest(:held_id::bigint[], :member_id::bigint[], :event_id::bigint[]) AS u (held_id, member_id, event_id)

-- name: held_expired :many
-- Waited longer than the program allows.
SELECT held_id FROM held WHERE expires_at <= :now ORDER BY held_id LIMIT :n

-- name: sales_insert :each
-- Purchases without a subject.
-- params: sale_id time booked_at credential amount currency store content sealed
-- sqlite:
INSERT INTO sale (sale_id, time, booked_at, credential, amount, currency, store, content, sealed)
VALUES (:sale_id, :time, :booked_at, :credential, :amount, :currency, :store, :content, :sealed)
-- postgres:
INSERT INTO sale (sale_id, time, booked_at, credential, amount, currency, store, content, sealed)
SELECT u.sale_id, u.time, u.booked_at, u.credential, u.amount, u.currency, u.store, u.content, u.sealed
FROM unnest(:sale_id::bigint[], :time::bigint[], :booked_at::bigint[], :credential::bigint[], :amount::bigint[], :currency::text[], :store::text[],
            :content::bytea[], :sealed::bytea[])
     AS u (sale_id, time, booked_at, credential, amount, currency, store, content, sealed)

-- name: shared_counters_lock :one
-- Caps for all members together have one writer at a time.
-- params: n
-- sqlite:
SELECT :n
-- postgres:
SELECT 1 FROM pg_advisory_xact_lock(7002, CAST(:n AS int))

-- name: shared_counters_read :many
-- Caps for all members together.
SELECT symbol, day, points FROM shared_counter ORDER BY symbol, day LIMIT :n

-- name: shared_counters_write :each
-- Absolute values, under the lock above.
-- params: symbol day points
-- sqlite:
INSERT INTO shared_counter (symbol, day, points) VALUES (:symbol, :day, :points)
ON CONFLICT (symbol, day) DO UPDATE SET points = excluded.points
-- postgres:
INSERT INTO shared_counter (symbol, day, points)
SELECT u.symbol, u.day, u.points FROM unnest(:symbol::bigint[], :day::bigint[], :points::bigint[]) AS u (symbol, day, points)
ON CONFLICT (symbol, day) DO UPDATE SET points = excluded.points

-- name: members_insert :each
-- New members, cold part.
-- params: member_id enrolled_at sealed
-- sqlite:
INSERT INTO member (member_id, enrolled_at, status, revision, sealed) VALUES (:member_id, :enrolled_at, 1, 1, :sealed)
-- postgres:
INSERT INTO member (member_id, enrolled_at, status, revision, sealed)
SELECT u.member_id, u.enrolled_at, 1, 1, u.sealed
FROM unnest(:member_id::bigint[], :enrolled_at::bigint[], :sealed::bytea[]) AS u (member_id, enrolled_at, sealed)

-- name: member_clears_write :each
-- The clear part of profiles.
-- params: member_id birth_year birth_month birth_day gender country city language tags attributes birth_entered_at birth_changes
-- sqlite:
INSERT INTO member_clear (member_id, birth_year, birth_month, birth_day, gender, country, city, language, tags, attributes, birth_entered_at, birth_changes)
VALUES (:member_id, :birth_year, :birth_month, :birth_day, :gender, :country, :city, :language, :tags, :attributes, :birth_entered_at, :birth_changes)
ON CONFLICT (member_id) DO UPDATE SET birth_year = excluded.birth_year, birth_month = excluded.birth_month,
    birth_day = excluded.birth_day, gender = excluded.gender, country = excluded.country, city = excluded.city,
    language = excluded.language, tags = excluded.tags, attributes = excluded.attributes,
    birth_entered_at = excluded.birth_entered_at, birth_changes = excluded.birth_changes
-- postgres:
INSERT INTO member_clear (member_id, birth_year, birth_month, birth_day, gender, country, city, language, tags, attributes, birth_entered_at, birth_changes)
SELECT u.member_id, u.birth_year, u.birth_month, u.birth_day, u.gender, u.country, u.city, u.language, u.tags, u.attributes, u.birth_entered_at, u.birth_changes
FROM unnest(:member_id::bigint[], :birth_year::bigint[], :birth_month::bigint[], :birth_day::bigint[], :gender::text[], :country::text[],
            :city::text[], :language::text[], :tags::text[], :attributes::text[], :birth_entered_at::bigint[], :birth_changes::bigint[])
     AS u (member_id, birth_year, birth_month, birth_day, gender, country, city, language, tags, attributes, birth_entered_at, birth_changes)
ON CONFLICT (member_id) DO UPDATE SET birth_year = excluded.birth_year, birth_month = excluded.birth_month,
    birth_day = excluded.birth_day, gender = excluded.gender, country = excluded.country, city = excluded.city,
    language = excluded.language, tags = excluded.tags, attributes = excluded.attributes,
    birth_entered_at = excluded.birth_entered_at, birth_changes = excluded.birth_changes

-- name: name_words_insert :each
-- Whole words of names, for finding members.
-- params: hash member_id
-- sqlite:
INSERT INTO name_word (hash, member_id) VALUES (:hash, :member_id) ON CONFLICT DO NOTHING
-- postgres:
INSERT INTO name_word (hash, member_id)
SELECT u.hash, u.member_id FROM unnest(:hash::bytea[], :member_id::bigint[]) AS u (hash, member_id) ON CONFLICT DO NOTHING

-- name: name_words_delete :each
-- At erasure and when a name changes.
-- params: hash member_id
-- sqlite:
DELETE FROM name_word WHERE hash = :hash AND member_id = :member_id
-- postgres:
DELETE FROM name_word w USING unnest(:hash::bytea[], :member_id::bigint[]) AS u (hash, member_id)
WHERE w.hash = u.hash AND w.member_id = u.member_id
