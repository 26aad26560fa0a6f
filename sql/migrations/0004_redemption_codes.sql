-- Redemption codes: keyed hashes of them, never the codes themselves, and how often each was used.

-- sqlite:
CREATE TABLE redemption_code (
    hash blob PRIMARY KEY,
    definition integer NOT NULL,
    used bigint NOT NULL CHECK (used >= 0)
) WITHOUT ROWID;

-- postgres:
CREATE TABLE redemption_code (
    hash bytea PRIMARY KEY,
    definition integer NOT NULL,
    used bigint NOT NULL CHECK (used >= 0)
);
