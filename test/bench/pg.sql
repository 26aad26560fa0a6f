-- The yardstick on PostgreSQL: what a team would write instead, one PL/pgSQL call per event that looks the key up, locks
-- the member's state and writes the same durable rows as the engine (key, event, two transfers, state).
CREATE OR REPLACE FUNCTION bench_book(h bytea, m bigint, id bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    known bigint;
    before bytea;
    v bigint;
BEGIN
    SELECT event_id INTO known FROM event_key WHERE hash = h;
    IF FOUND THEN
        RETURN known;
    END IF;
    SELECT state, version INTO before, v FROM member_state WHERE member_id = m FOR UPDATE;
    INSERT INTO event_key (hash, fingerprint, member_id, event_id) VALUES (h, substring(h for 8), m, id);
    INSERT INTO event (event_id, member_id, previous, kind, time, booked_at, version, outcome, credential, content, sealed, answer)
    VALUES (id, m, 0, 1, 1700000000000, 1700000000000, 1, 0, 0, decode(repeat('07', 75), 'hex'), decode(repeat('07', 160), 'hex'),
            decode(repeat('07', 40), 'hex'));
    INSERT INTO transfer (transfer_id, member_id, previous, event_id, lot, at, booked_at, wallet, rule, version, kind, from_account, to_account, points, reason, hash)
    VALUES (id + 1, m, 0, id, id + 1, 1700000000000, 1700000000000, 3, 4, 1, 1, 1, 3, 20, NULL, decode(repeat('07', 32), 'hex')),
           (id + 2, m, 0, id, id + 1, 1700000000000, 1700000000000, 3, 4, 1, 1, 1, 3, 20, NULL, decode(repeat('07', 32), 'hex'));
    UPDATE member_state SET version = v + 1, state = before WHERE member_id = m;
    RETURN id;
END $$;
