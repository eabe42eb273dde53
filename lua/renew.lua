-- Extends the holds of joins that are still being recorded. A hold that was dropped is not created again.
--
-- KEYS  1 holds  2 held                                      (both of one deal)
-- ARGV  1 time to live, ms; then the signups
-- Reply {'renewed', number of holds that were extended}
-- Writes holds, held (only its expiry)

local time = redis.call('TIME')
local ends_ms = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1]
local renewed = 0
for at = 2, #ARGV do
  if redis.call('HEXISTS', KEYS[2], ARGV[at]) == 1 and redis.call('ZSCORE', KEYS[1], ARGV[at]) then
    redis.call('ZADD', KEYS[1], ends_ms, ARGV[at])
    renewed = renewed + 1
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[1] * 2)
redis.call('PEXPIRE', KEYS[2], ARGV[1] * 2)
return {'renewed', renewed}
