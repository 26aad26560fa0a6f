-- What became of held events, whose stored answers are, and which members may not be written.

-- both:
ALTER TABLE idempotency ADD COLUMN member_id bigint NOT NULL DEFAULT 0;
CREATE TABLE frozen (
    member_id bigint PRIMARY KEY,
    frozen_at bigint NOT NULL,
    invariant smallint NOT NULL CHECK (invariant BETWEEN 1 AND 10),
    place text NOT NULL,
    detail text NOT NULL
);

-- sqlite:
CREATE TABLE released (
    held_id INTEGER PRIMARY KEY,
    member_id bigint NOT NULL,
    event_id bigint NOT NULL
);

-- postgres:
CREATE TABLE released (
    held_id bigint PRIMARY KEY,
    member_id bigint NOT NULL,
    event_id bigint NOT NULL
);
