-- Nothing is there yet but what 0001 has made.
SELECT (SELECT count(*) FROM member) + (SELECT count(*) FROM member_state) + (SELECT count(*) FROM event) + (SELECT count(*) FROM transfer)
