-- Nothing has a sum yet.
SELECT (SELECT count(*) FROM program_version WHERE sum IS NOT NULL) + (SELECT count(*) FROM symbol WHERE sum IS NOT NULL)
