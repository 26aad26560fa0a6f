-- The foundation: instance, programs, members and their state, events, points transfers, timers, keys, audit.
-- Tables by temperature: `member` is cold, `member_state` is the one hot row, `event` and `transfer` only grow.
-- Rows of a member carry member_id first in their keys on PostgreSQL (docs/decisions/0004).

-- both:
CREATE TABLE instance (
    id smallint PRIMARY KEY CHECK (id = 1),
    instance_id text NOT NULL,
    master_check text NOT NULL,
    created_at bigint NOT NULL,
    epoch bigint NOT NULL,
    test_now bigint,
    audit_seq bigint NOT NULL,
    audit_hash text NOT NULL
);
CREATE TABLE symbol (
    id integer PRIMARY KEY,
    name text NOT NULL UNIQUE
);
CREATE TABLE program_version (
    version integer PRIMARY KEY,
    effective_at bigint NOT NULL,
    published_at bigint NOT NULL,
    comment text NOT NULL,
    actor text NOT NULL,
    document text NOT NULL,
    zones text NOT NULL
);
CREATE TABLE program_draft (
    id smallint PRIMARY KEY CHECK (id = 1),
    revision bigint NOT NULL,
    document text NOT NULL,
    changed_at bigint NOT NULL
);
CREATE TABLE shared_counter (
    symbol integer NOT NULL,
    day integer NOT NULL,
    points bigint NOT NULL CHECK (points >= 0),
    PRIMARY KEY (symbol, day)
);

-- sqlite:
CREATE TABLE member (
    member_id INTEGER PRIMARY KEY,
    enrolled_at bigint NOT NULL,
    status smallint NOT NULL CHECK (status BETWEEN 0 AND 2),
    revision bigint NOT NULL,
    sealed blob
);
CREATE TABLE member_clear (
    member_id INTEGER PRIMARY KEY,
    birth_year smallint,
    birth_month smallint,
    birth_day smallint,
    gender text,
    country text,
    city text,
    language text,
    tags text NOT NULL,
    attributes text NOT NULL
);
CREATE TABLE identifier (
    kind smallint NOT NULL,
    hash blob NOT NULL,
    member_id bigint NOT NULL,
    PRIMARY KEY (kind, hash)
) WITHOUT ROWID;
CREATE TABLE name_word (
    hash blob NOT NULL,
    member_id bigint NOT NULL,
    PRIMARY KEY (hash, member_id)
) WITHOUT ROWID;
CREATE TABLE member_state (
    member_id INTEGER PRIMARY KEY,
    version bigint NOT NULL,
    state blob NOT NULL
);
CREATE TABLE member_chunk (
    member_id bigint NOT NULL,
    kind smallint NOT NULL,
    number integer NOT NULL,
    data blob NOT NULL,
    PRIMARY KEY (member_id, kind, number)
) WITHOUT ROWID;
CREATE TABLE event_key (
    hash blob PRIMARY KEY,
    fingerprint blob NOT NULL,
    member_id bigint NOT NULL,
    event_id bigint NOT NULL
) WITHOUT ROWID;
CREATE TABLE event (
    event_id INTEGER PRIMARY KEY,
    member_id bigint NOT NULL,
    previous bigint NOT NULL,
    kind smallint NOT NULL,
    time bigint NOT NULL,
    booked_at bigint NOT NULL,
    version integer NOT NULL,
    outcome smallint NOT NULL CHECK (outcome BETWEEN 0 AND 2),
    credential bigint NOT NULL,
    content blob NOT NULL,
    sealed blob NOT NULL,
    answer blob NOT NULL
);
CREATE TABLE transfer (
    transfer_id INTEGER PRIMARY KEY,
    member_id bigint NOT NULL,
    previous bigint NOT NULL,
    event_id bigint NOT NULL,
    lot bigint NOT NULL,
    at bigint NOT NULL,
    booked_at bigint NOT NULL,
    wallet integer NOT NULL,
    rule integer NOT NULL,
    version integer NOT NULL,
    kind smallint NOT NULL,
    from_account smallint NOT NULL CHECK (from_account BETWEEN 1 AND 8),
    to_account smallint NOT NULL CHECK (to_account BETWEEN 1 AND 8 AND to_account <> from_account),
    points bigint NOT NULL CHECK (points BETWEEN 1 AND 1000000000000),
    reason blob,
    hash blob NOT NULL
);
CREATE TABLE purchase (
    member_id bigint NOT NULL,
    event_id bigint NOT NULL,
    version bigint NOT NULL,
    content_event bigint NOT NULL,
    data blob NOT NULL,
    PRIMARY KEY (member_id, event_id)
) WITHOUT ROWID;
CREATE TABLE timer (
    member_id bigint NOT NULL,
    kind smallint NOT NULL,
    due_at bigint NOT NULL,
    attempts smallint NOT NULL,
    PRIMARY KEY (member_id, kind)
) WITHOUT ROWID;
CREATE INDEX timer_due ON timer (due_at, member_id, kind);
CREATE TABLE held (
    held_id INTEGER PRIMARY KEY,
    wait_kind smallint NOT NULL,
    wait_hash blob NOT NULL,
    member_id bigint NOT NULL,
    received_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    credential bigint NOT NULL,
    content blob NOT NULL,
    sealed blob NOT NULL
);
CREATE INDEX held_wait ON held (wait_hash, held_id);
CREATE TABLE sale (
    sale_id INTEGER PRIMARY KEY,
    time bigint NOT NULL,
    booked_at bigint NOT NULL,
    credential bigint NOT NULL,
    amount bigint NOT NULL,
    currency text NOT NULL,
    store text NOT NULL,
    content blob NOT NULL,
    sealed blob NOT NULL
);
CREATE TABLE api_key (
    key_id INTEGER PRIMARY KEY,
    name text NOT NULL,
    hash blob NOT NULL UNIQUE,
    scopes text NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint,
    revoked_at bigint
);
CREATE TABLE idempotency (
    hash blob PRIMARY KEY,
    fingerprint blob NOT NULL,
    expires_at bigint NOT NULL,
    status smallint NOT NULL,
    sealed blob
) WITHOUT ROWID;
CREATE INDEX idempotency_expiry ON idempotency (expires_at);
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at bigint NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    object text NOT NULL,
    before_commitment blob,
    after_commitment blob,
    hash blob NOT NULL
);

-- postgres:
CREATE TABLE member (
    member_id bigint PRIMARY KEY,
    enrolled_at bigint NOT NULL,
    status smallint NOT NULL CHECK (status BETWEEN 0 AND 2),
    revision bigint NOT NULL,
    sealed bytea
);
CREATE TABLE member_clear (
    member_id bigint PRIMARY KEY,
    birth_year smallint,
    birth_month smallint,
    birth_day smallint,
    gender text,
    country text,
    city text,
    language text,
    tags text NOT NULL,
    attributes text NOT NULL
);
CREATE TABLE identifier (
    kind smallint NOT NULL,
    hash bytea NOT NULL,
    member_id bigint NOT NULL,
    PRIMARY KEY (kind, hash)
);
CREATE TABLE name_word (
    hash bytea NOT NULL,
    member_id bigint NOT NULL,
    PRIMARY KEY (hash, member_id)
);
CREATE TABLE member_state (
    member_id bigint PRIMARY KEY,
    version bigint NOT NULL,
    state bytea NOT NULL
) WITH (fillfactor = 70);
CREATE TABLE member_chunk (
    member_id bigint NOT NULL,
    kind smallint NOT NULL,
    number integer NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (member_id, kind, number)
);
CREATE TABLE event_key (
    hash bytea PRIMARY KEY,
    fingerprint bytea NOT NULL,
    member_id bigint NOT NULL,
    event_id bigint NOT NULL
);
CREATE TABLE event (
    event_id bigint NOT NULL,
    member_id bigint NOT NULL,
    previous bigint NOT NULL,
    kind smallint NOT NULL,
    time bigint NOT NULL,
    booked_at bigint NOT NULL,
    version integer NOT NULL,
    outcome smallint NOT NULL CHECK (outcome BETWEEN 0 AND 2),
    credential bigint NOT NULL,
    content bytea NOT NULL,
    sealed bytea NOT NULL,
    answer bytea NOT NULL,
    PRIMARY KEY (member_id, event_id)
);
CREATE TABLE transfer (
    transfer_id bigint NOT NULL,
    member_id bigint NOT NULL,
    previous bigint NOT NULL,
    event_id bigint NOT NULL,
    lot bigint NOT NULL,
    at bigint NOT NULL,
    booked_at bigint NOT NULL,
    wallet integer NOT NULL,
    rule integer NOT NULL,
    version integer NOT NULL,
    kind smallint NOT NULL,
    from_account smallint NOT NULL CHECK (from_account BETWEEN 1 AND 8),
    to_account smallint NOT NULL CHECK (to_account BETWEEN 1 AND 8 AND to_account <> from_account),
    points bigint NOT NULL CHECK (points BETWEEN 1 AND 1000000000000),
    reason bytea,
    hash bytea NOT NULL,
    PRIMARY KEY (member_id, transfer_id)
);
CREATE TABLE purchase (
    member_id bigint NOT NULL,
    event_id bigint NOT NULL,
    version bigint NOT NULL,
    content_event bigint NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (member_id, event_id)
);
CREATE TABLE timer (
    member_id bigint NOT NULL,
    kind smallint NOT NULL,
    due_at bigint NOT NULL,
    attempts smallint NOT NULL,
    PRIMARY KEY (member_id, kind)
);
CREATE INDEX timer_due ON timer (due_at, member_id, kind);
CREATE TABLE held (
    held_id bigint PRIMARY KEY,
    wait_kind smallint NOT NULL,
    wait_hash bytea NOT NULL,
    member_id bigint NOT NULL,
    received_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    credential bigint NOT NULL,
    content bytea NOT NULL,
    sealed bytea NOT NULL
);
CREATE INDEX held_wait ON held (wait_hash, held_id);
CREATE TABLE sale (
    sale_id bigint PRIMARY KEY,
    time bigint NOT NULL,
    booked_at bigint NOT NULL,
    credential bigint NOT NULL,
    amount bigint NOT NULL,
    currency text NOT NULL,
    store text NOT NULL,
    content bytea NOT NULL,
    sealed bytea NOT NULL
);
CREATE TABLE api_key (
    key_id bigint PRIMARY KEY,
    name text NOT NULL,
    hash bytea NOT NULL UNIQUE,
    scopes text NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint,
    revoked_at bigint
);
CREATE TABLE idempotency (
    hash bytea PRIMARY KEY,
    fingerprint bytea NOT NULL,
    expires_at bigint NOT NULL,
    status smallint NOT NULL,
    sealed bytea
);
CREATE INDEX idempotency_expiry ON idempotency (expires_at);
CREATE TABLE audit (
    seq bigint PRIMARY KEY,
    at bigint NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    object text NOT NULL,
    before_commitment bytea,
    after_commitment bytea,
    hash bytea NOT NULL
);
