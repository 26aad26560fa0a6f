-- What the clock needs: when a birth date was entered and how often it was changed, and how far the pass is that gives members
-- what a new version waits for.

-- sqlite:
ALTER TABLE member_clear ADD COLUMN birth_entered_at bigint;
ALTER TABLE member_clear ADD COLUMN birth_changes smallint NOT NULL DEFAULT 0;
CREATE TABLE arming (
    id smallint PRIMARY KEY CHECK (id = 1),
    version integer NOT NULL,
    member_id bigint NOT NULL,
    members bigint NOT NULL,
    begun_at bigint NOT NULL,
    finished_at bigint
);

-- postgres:
ALTER TABLE member_clear ADD COLUMN birth_entered_at bigint;
ALTER TABLE member_clear ADD COLUMN birth_changes smallint NOT NULL DEFAULT 0;
CREATE TABLE arming (
    id smallint PRIMARY KEY CHECK (id = 1),
    version integer NOT NULL,
    member_id bigint NOT NULL,
    members bigint NOT NULL,
    begun_at bigint NOT NULL,
    finished_at bigint
);
