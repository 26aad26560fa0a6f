-- The key store: apart from the books, so that destroying a row here forgets a person there.
-- sqlite:
CREATE TABLE key_store (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  instance_id TEXT NOT NULL,
  master_check BLOB NOT NULL CHECK (length(master_check) = 16),
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE instance_key (
  name TEXT PRIMARY KEY,
  wrapped BLOB NOT NULL CHECK (length(wrapped) = 72),
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE data_key (
  owner_id INTEGER PRIMARY KEY,
  version INTEGER NOT NULL CHECK (version BETWEEN 1 AND 255),
  wrapped BLOB NOT NULL CHECK (length(wrapped) = 72),
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE erasure (
  owner_id INTEGER PRIMARY KEY,
  erased_at INTEGER NOT NULL
) STRICT;
-- postgres:
CREATE TABLE key_store (
  id int PRIMARY KEY CHECK (id = 1),
  instance_id text NOT NULL,
  master_check bytea NOT NULL CHECK (length(master_check) = 16),
  created_at bigint NOT NULL
);

CREATE TABLE instance_key (
  name text PRIMARY KEY,
  wrapped bytea NOT NULL CHECK (length(wrapped) = 72),
  created_at bigint NOT NULL
);

CREATE TABLE data_key (
  owner_id bigint PRIMARY KEY,
  version smallint NOT NULL CHECK (version BETWEEN 1 AND 255),
  wrapped bytea NOT NULL CHECK (length(wrapped) = 72),
  created_at bigint NOT NULL
);

CREATE TABLE erasure (
  owner_id bigint PRIMARY KEY,
  erased_at bigint NOT NULL
);
