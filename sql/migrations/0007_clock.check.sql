-- Nothing is known yet of any birth date, and no pass was begun.
SELECT (SELECT count(*) FROM member_clear WHERE birth_entered_at IS NOT NULL OR birth_changes <> 0) + (SELECT count(*) FROM arming)
