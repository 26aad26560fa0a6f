-- Reviews: the list of all, in clear but for the words, which are in the event and sealed. `sku` is empty where the store is reviewed.

-- sqlite:
CREATE TABLE review (
    member_id bigint NOT NULL,
    review_id bigint NOT NULL,
    purchase_id bigint NOT NULL,
    sku text NOT NULL,
    store text NOT NULL,
    stars smallint NOT NULL CHECK (stars BETWEEN 1 AND 5),
    state smallint NOT NULL CHECK (state BETWEEN 1 AND 3),
    submitted_at bigint NOT NULL,
    decided_at bigint NOT NULL,
    PRIMARY KEY (member_id, review_id)
) WITHOUT ROWID;
CREATE INDEX review_newest ON review (review_id);
CREATE INDEX review_state ON review (state, review_id);
CREATE INDEX review_sku ON review (sku, review_id);
CREATE INDEX review_store ON review (store, review_id);
CREATE INDEX review_sums ON review (sku, state, store, stars);

-- postgres:
CREATE TABLE review (
    member_id bigint NOT NULL,
    review_id bigint NOT NULL,
    purchase_id bigint NOT NULL,
    sku text NOT NULL,
    store text NOT NULL,
    stars smallint NOT NULL CHECK (stars BETWEEN 1 AND 5),
    state smallint NOT NULL CHECK (state BETWEEN 1 AND 3),
    submitted_at bigint NOT NULL,
    decided_at bigint NOT NULL,
    PRIMARY KEY (member_id, review_id)
);
CREATE INDEX review_newest ON review (review_id);
CREATE INDEX review_state ON review (state, review_id);
CREATE INDEX review_sku ON review (sku, review_id);
CREATE INDEX review_store ON review (store, review_id);
CREATE INDEX review_sums ON review (sku, state, store, stars);
