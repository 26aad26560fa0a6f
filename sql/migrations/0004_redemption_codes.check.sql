-- There were none before.
SELECT count(*) FROM redemption_code
