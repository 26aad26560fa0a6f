-- Nobody had brought anybody before.
SELECT (SELECT count(*) FROM referral_code) + (SELECT count(*) FROM referral_code_hash) + (SELECT count(*) FROM likeness) + (SELECT count(*) FROM referral)
