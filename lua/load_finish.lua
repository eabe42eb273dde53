-- Finishes the load of a deal: stores its figures and terms, and marks it as loaded.
--
-- KEYS  1 quota  2 buyers  3 ranges                          (all of one deal)
-- ARGV  1 token of this load  2 epoch  3 rev  4 state  5 buyers  6 units  7 tipping point  8 cap ('' = unlimited)
--       9 opens, ms  10 closes, ms  11 how long Redis keeps the deal, ms
-- Reply {word}: loaded | superseded (another load took over, a key is gone, or a change of another epoch was applied)
-- Writes quota, ranges, buyers (only its expiry)

local quota = redis.call('HMGET', KEYS[1], 'token', 'epoch', 'rev', 'applied', 'closes_ms', 'cap')
if quota[1] ~= ARGV[1] or (quota[2] and quota[2] ~= ARGV[2]) then return {'superseded'} end
if redis.call('HEXISTS', KEYS[2], '=whole') == 0 then return {'superseded'} end
local closes_ms = quota[5]
-- A change that was applied after the snapshot was read is newer, and its figures and terms stay.
if not quota[2] or tonumber(quota[3]) < tonumber(ARGV[3]) then
  closes_ms = ARGV[10]
  redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'rev', ARGV[3], 'state', ARGV[4], 'buyers', ARGV[5], 'units', ARGV[6], 'tipping_point', ARGV[7], 'opens_ms', ARGV[9], 'closes_ms', closes_ms)
  if ARGV[8] ~= '' then
    redis.call('HSET', KEYS[1], 'cap', ARGV[8])
  elseif quota[6] then
    redis.call('HDEL', KEYS[1], 'cap')
  end
end
local applied = math.max(tonumber(quota[4] or 0), tonumber(ARGV[3]))
while true do
  local first = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', applied, 'LIMIT', 0, 1)[1]
  if not first then break end
  applied = math.max(applied, tonumber(first:match('%d+$')))
  redis.call('ZREM', KEYS[3], first)
end
-- If a newer change moved the closing time, the expiry moves by the same amount.
local time = redis.call('TIME')
local ends_ms = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[11] + closes_ms - ARGV[10]
redis.call('HSET', KEYS[1], 'applied', applied, 'ends_ms', ends_ms, 'loaded', '1')
-- The quota expires first: no script reads the other keys without it.
redis.call('PEXPIREAT', KEYS[1], ends_ms)
redis.call('PEXPIREAT', KEYS[2], ends_ms + 1000)
redis.call('PEXPIREAT', KEYS[3], ends_ms + 1000)
return {'loaded'}
