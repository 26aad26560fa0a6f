-- Contests. `contest` is the symbol of the wallet that holds a contest's entries: contest_entry is an index of the points
-- transfers of these wallets by contest, contest_draw what was published at close and at the draw.

-- sqlite:
CREATE TABLE contest_entry (
    contest integer NOT NULL,
    lot bigint NOT NULL,
    transfer_id bigint NOT NULL,
    member_id bigint NOT NULL,
    booked_at bigint NOT NULL,
    points bigint NOT NULL,
    PRIMARY KEY (contest, lot, transfer_id)
) WITHOUT ROWID;
CREATE TABLE contest_draw (
    contest integer PRIMARY KEY,
    slug text NOT NULL,
    closes_at bigint NOT NULL,
    entries bigint NOT NULL,
    tickets bigint NOT NULL,
    entries_hash blob NOT NULL,
    drawn_at bigint,
    result text
);

-- postgres:
CREATE TABLE contest_entry (
    contest integer NOT NULL,
    lot bigint NOT NULL,
    transfer_id bigint NOT NULL,
    member_id bigint NOT NULL,
    booked_at bigint NOT NULL,
    points bigint NOT NULL,
    PRIMARY KEY (member_id, contest, lot, transfer_id)
);
CREATE INDEX contest_entry_lot ON contest_entry (contest, lot);
CREATE TABLE contest_draw (
    contest integer PRIMARY KEY,
    slug text NOT NULL,
    closes_at bigint NOT NULL,
    entries bigint NOT NULL,
    tickets bigint NOT NULL,
    entries_hash bytea NOT NULL,
    drawn_at bigint,
    result text
);
