-- Answers from before are nobody's, nothing is frozen, nothing is known of what was held before.
SELECT (SELECT count(*) FROM idempotency WHERE member_id <> 0) + (SELECT count(*) FROM frozen) + (SELECT count(*) FROM released)
