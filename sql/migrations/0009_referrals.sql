-- Referrals: each member's code (sealed; what finds it is a keyed hash), what members have in common with themselves under another
-- name (keyed hashes of e-mail without tags, phone, card, address, device), and the list of whom an advocate has brought.

-- sqlite:
CREATE TABLE referral_code (
    member_id INTEGER PRIMARY KEY,
    hash blob NOT NULL,
    sealed blob NOT NULL
);
CREATE TABLE referral_code_hash (
    hash blob PRIMARY KEY,
    member_id bigint NOT NULL
) WITHOUT ROWID;
CREATE TABLE likeness (
    member_id bigint NOT NULL,
    kind smallint NOT NULL,
    hash blob NOT NULL,
    PRIMARY KEY (member_id, kind, hash)
) WITHOUT ROWID;
CREATE TABLE referral (
    member_id bigint NOT NULL,
    referral_id bigint NOT NULL,
    referee_id bigint NOT NULL,
    definition integer NOT NULL,
    state smallint NOT NULL CHECK (state BETWEEN 1 AND 5),
    named_at bigint NOT NULL,
    qualified_at bigint NOT NULL,
    held_until bigint NOT NULL,
    rewarded_at bigint NOT NULL,
    revoked_at bigint NOT NULL,
    PRIMARY KEY (member_id, referral_id)
) WITHOUT ROWID;
CREATE INDEX referral_newest ON referral (referral_id);

-- postgres:
CREATE TABLE referral_code (
    member_id bigint PRIMARY KEY,
    hash bytea NOT NULL,
    sealed bytea NOT NULL
);
CREATE TABLE referral_code_hash (
    hash bytea PRIMARY KEY,
    member_id bigint NOT NULL
);
CREATE TABLE likeness (
    member_id bigint NOT NULL,
    kind smallint NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (member_id, kind, hash)
);
CREATE TABLE referral (
    member_id bigint NOT NULL,
    referral_id bigint NOT NULL,
    referee_id bigint NOT NULL,
    definition integer NOT NULL,
    state smallint NOT NULL CHECK (state BETWEEN 1 AND 5),
    named_at bigint NOT NULL,
    qualified_at bigint NOT NULL,
    held_until bigint NOT NULL,
    rewarded_at bigint NOT NULL,
    revoked_at bigint NOT NULL,
    PRIMARY KEY (member_id, referral_id)
);
CREATE INDEX referral_newest ON referral (referral_id);
