-- There were no contests before.
SELECT (SELECT count(*) FROM contest_entry) + (SELECT count(*) FROM contest_draw)
