-- Begins to load a deal that is not here. The snapshot is taken from Postgres after this: what is committed later is applied
-- to the key that now exists, and what was committed before is in the snapshot.
--
-- KEYS  1 quota  2 buyers  3 ranges  4 holds  5 held         (all of one deal)
-- ARGV  1 schema version  2 run id of this Redis  3 token of this load  4 for how long another load is waited for, ms
-- Reply {word}: begun | loading (another node does it) | loaded (another node did it)
-- Writes quota, buyers, ranges; holds, held (only deletes)
--
-- The buyers' field `=whole` says that nothing was dropped from them since this load began: a Redis that evicts drops whole keys.
-- Called twice with one token it is the same load.

local quota = redis.call('HMGET', KEYS[1], 'v', 'run_id', 'loaded', 'begun_ms', 'token')
local time = redis.call('TIME')
local redis_ms = time[1] * 1000 + math.floor(time[2] / 1000)
if quota[1] == ARGV[1] and quota[2] == ARGV[2] then
  if quota[3] == '1' then
    if redis.call('HEXISTS', KEYS[2], '=whole') == 1 then return {'loaded'} end
  elseif quota[5] == ARGV[3] then
    return {'begun'}
  elseif redis_ms - quota[4] < tonumber(ARGV[4]) then
    return {'loading'}
  end
end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
-- Holds of an earlier run: that their joins were recorded was told while this Redis was away, so each would hide a place until
-- it ends. Those that are still being recorded are refused or not by Postgres, as ever.
if quota[2] and quota[2] ~= ARGV[2] then redis.call('DEL', KEYS[4], KEYS[5]) end
redis.call('HSET', KEYS[1], 'v', ARGV[1], 'run_id', ARGV[2], 'loaded', '0', 'token', ARGV[3], 'begun_ms', redis_ms)
-- A load that nobody finishes leaves nothing behind.
redis.call('PEXPIRE', KEYS[1], 60000)
redis.call('HSET', KEYS[2], '=whole', '1')
redis.call('PEXPIRE', KEYS[2], 61000)
return {'begun'}
