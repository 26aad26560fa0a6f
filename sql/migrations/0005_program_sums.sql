-- A keyed sum of each program version and each symbol: what every decision is made from is not read with a bit turned over.
-- Rows from before have none.

-- sqlite:
ALTER TABLE program_version ADD COLUMN sum blob;
ALTER TABLE symbol ADD COLUMN sum blob;

-- postgres:
ALTER TABLE program_version ADD COLUMN sum bytea;
ALTER TABLE symbol ADD COLUMN sum bytea;
