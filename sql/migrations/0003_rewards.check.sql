-- Nothing was issued before.
SELECT (SELECT count(*) FROM issued_reward) + (SELECT count(*) FROM reward_code) + (SELECT count(*) FROM coupon) + (SELECT count(*) FROM coupon_hash)
