-- A member's own entries in a contest, as they stood at its close. In PostgreSQL the primary key finds them.

-- sqlite:
CREATE INDEX contest_entry_member ON contest_entry (contest, member_id, booked_at, points);
