-- Issued rewards, the codes that find them, and coupon pools. A member's issued rewards are found newest first by a chain of
-- `previous` ids, like events. Codes are sealed; what finds one is a keyed hash.

-- sqlite:
CREATE TABLE coupon (
    pool integer NOT NULL,
    n bigint NOT NULL,
    sealed blob NOT NULL,
    PRIMARY KEY (pool, n)
) WITHOUT ROWID;
CREATE TABLE coupon_hash (
    pool integer NOT NULL,
    hash blob NOT NULL,
    PRIMARY KEY (pool, hash)
) WITHOUT ROWID;
CREATE TABLE issued_reward (
    reward_id INTEGER PRIMARY KEY,
    member_id bigint NOT NULL,
    previous bigint NOT NULL,
    version bigint NOT NULL,
    reward integer NOT NULL,
    state smallint NOT NULL CHECK (state BETWEEN 1 AND 5),
    data blob NOT NULL,
    sealed blob NOT NULL
);
CREATE TABLE reward_code (
    hash blob PRIMARY KEY,
    member_id bigint NOT NULL,
    reward_id bigint NOT NULL
) WITHOUT ROWID;
CREATE INDEX reward_code_member ON reward_code (member_id, reward_id);

-- postgres:
CREATE TABLE coupon (
    pool integer NOT NULL,
    n bigint NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (pool, n)
);
CREATE TABLE coupon_hash (
    pool integer NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (pool, hash)
);
CREATE TABLE issued_reward (
    reward_id bigint NOT NULL,
    member_id bigint NOT NULL,
    previous bigint NOT NULL,
    version bigint NOT NULL,
    reward integer NOT NULL,
    state smallint NOT NULL CHECK (state BETWEEN 1 AND 5),
    data bytea NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (member_id, reward_id)
);
CREATE INDEX issued_reward_id ON issued_reward (reward_id);
CREATE TABLE reward_code (
    hash bytea PRIMARY KEY,
    member_id bigint NOT NULL,
    reward_id bigint NOT NULL
);
CREATE INDEX reward_code_member ON reward_code (member_id, reward_id);
