-- Timers that were given up are counted at every look at the metrics: by a few rows, not by all timers there are.

-- both:
CREATE INDEX timer_parked ON timer (member_id) WHERE attempts >= 5;
