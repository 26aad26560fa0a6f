-- No key and no erasure from before.
SELECT (SELECT count(*) FROM data_key) + (SELECT count(*) FROM erasure)
