-- Nothing was left to others before.
SELECT count(*) FROM relay
