-- Work for other members: written with the decision that caused it, gone with the decision that does it. What is in `data` is in
-- clear: ids and slugs. A row belongs to the process that has leased it; owner 0 is nobody, and a lease without end waits for
-- the member to be resumed.

-- sqlite:
CREATE TABLE relay (
    relay_id INTEGER PRIMARY KEY,
    member_id bigint NOT NULL,
    cause bigint NOT NULL,
    position smallint NOT NULL,
    kind smallint NOT NULL,
    time bigint NOT NULL,
    original text NOT NULL,
    data text NOT NULL,
    owner bigint NOT NULL,
    leased_until bigint NOT NULL,
    attempts integer NOT NULL
);
CREATE INDEX relay_member ON relay (member_id, relay_id);
CREATE INDEX relay_owner ON relay (owner, relay_id);
CREATE INDEX relay_lease ON relay (leased_until, relay_id);

-- postgres:
CREATE TABLE relay (
    relay_id bigint NOT NULL,
    member_id bigint NOT NULL,
    cause bigint NOT NULL,
    position smallint NOT NULL,
    kind smallint NOT NULL,
    time bigint NOT NULL,
    original text NOT NULL,
    data text NOT NULL,
    owner bigint NOT NULL,
    leased_until bigint NOT NULL,
    attempts integer NOT NULL,
    PRIMARY KEY (member_id, relay_id)
);
CREATE INDEX relay_owner ON relay (owner, relay_id);
CREATE INDEX relay_lease ON relay (leased_until, relay_id);
