-- Nobody had reviewed anything before.
SELECT count(*) FROM review
