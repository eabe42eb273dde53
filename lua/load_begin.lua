-- Begins to load a deal into Redis. The node reads the snapshot from Postgres after this call, so the snapshot contains every earlier
-- commit. A later commit is applied to the quota, which exists by then.
--
-- KEYS  1 quota  2 buyers  3 ranges  4 holds  5 held         (all of one deal)
-- ARGV  1 run id of this Redis  2 token of this load  3 how long another load may take, ms
-- Reply {word}: begun | loading (another load is running) | loaded (nothing to do)
-- Writes quota, buyers, ranges; holds, held (only deletes)
--
-- The field `=whole` of `buyers` proves that Redis has not evicted the key since this load began: eviction drops whole keys.
-- A second call with the same token continues the same load.

local quota = redis.call('HMGET', KEYS[1], 'run_id', 'loaded', 'begun_ms', 'token')
local time = redis.call('TIME')
local redis_ms = time[1] * 1000 + math.floor(time[2] / 1000)
if quota[1] == ARGV[1] then
  if quota[2] == '1' then
    if redis.call('HEXISTS', KEYS[2], '=whole') == 1 then return {'loaded'} end
  elseif quota[4] == ARGV[2] then
    return {'begun'}
  elseif redis_ms - quota[3] < tonumber(ARGV[3]) then
    return {'loading'}
  end
end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
-- Drop the holds of an earlier run of Redis: most of their joins are recorded, and each hold would block units until it expires.
-- Postgres enforces the cap for joins that are still being recorded.
if quota[1] and quota[1] ~= ARGV[1] then redis.call('DEL', KEYS[4], KEYS[5]) end
redis.call('HSET', KEYS[1], 'run_id', ARGV[1], 'loaded', '0', 'token', ARGV[2], 'begun_ms', redis_ms)
-- An abandoned load expires and leaves nothing behind.
redis.call('PEXPIRE', KEYS[1], 60000)
redis.call('HSET', KEYS[2], '=whole', '1')
redis.call('PEXPIRE', KEYS[2], 61000)
return {'begun'}
