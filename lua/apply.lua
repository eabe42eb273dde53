-- Tells Redis what Postgres says about one deal: confirming, repairing and reconciling are all this script.
--
-- KEYS  1 quota  2 buyers  3 holds  4 held  5 ranges  6 channel           (all of one deal)
-- ARGV  1 schema version  2 epoch  3 rev  4 rev before  5 state  6 buyers  7 units  8 the live message, as it is published
--       9 number of signups that are done; then these; then for each buyer that changed: buyer, units, rev
-- Reply {word, applied}: newer (figures stored and published) | same | stale (an older epoch) | missing (not loaded here)
--       applied: the rev up to which every change is known here
-- Writes quota, buyers, holds, held, ranges; publishes on channel
--
-- Absolute: may run twice, late, and in any order with others of its kind; the end is the same. Only a load makes the key.

local done, finished, changed = tonumber(ARGV[9]), {}, {}
for at = 10, 9 + done do finished[#finished + 1] = ARGV[at] end
for at = 10 + done, #ARGV, 3 do changed[#changed + 1] = ARGV[at] end
drop_holds(KEYS[3], KEYS[4], finished)

local quota = redis.call('HMGET', KEYS[1], 'v', 'epoch', 'rev', 'applied', 'ends_ms')
if quota[1] ~= ARGV[1] then return {'missing', 0} end
local epoch, known_epoch = tonumber(ARGV[2]), tonumber(quota[2])
if known_epoch and epoch < known_epoch then return {'stale', 0} end
if known_epoch and epoch > known_epoch then
  -- Postgres began another history: what is known of buyers may be of commits that were lost. Published at once, loaded anew.
  redis.call('DEL', KEYS[1], KEYS[2], KEYS[5])
  redis.call('PUBLISH', KEYS[6], ARGV[8])
  return {'missing', 0}
end

-- When the quota ends. While it is being loaded, that is within a minute.
local function ends_ms()
  local time = redis.call('TIME')
  return tonumber(quota[5]) or time[1] * 1000 + 60000
end

if #changed > 0 then
  local known, newest, newer = redis.call('HMGET', KEYS[2], '=whole', unpack(changed)), {}, {}
  for n, buyer in ipairs(changed) do
    local at = 7 + done + n * 3
    local rev = tonumber(ARGV[at + 2])
    local before = known[n + 1]
    if rev > (newest[buyer] or before and tonumber(before:match('^%d+ (%d+)$')) or -1) then
      newest[buyer] = rev
      newer[#newer + 1], newer[#newer + 2] = buyer, ARGV[at + 1] .. ' ' .. ARGV[at + 2]
    end
  end
  if #newer > 0 then redis.call('HSET', KEYS[2], unpack(newer)) end
  -- Made just now, it must not outlive the quota by long.
  if not known[1] then redis.call('PEXPIREAT', KEYS[2], ends_ms() + 1000) end
end

-- The ranges of versions whose changes are known, joined to those that are known without a gap.
local rev, applied = tonumber(ARGV[3]), tonumber(quota[4] or 0)
local stored = {}
if rev > applied then
  if tonumber(ARGV[4]) > applied then
    redis.call('ZADD', KEYS[5], ARGV[4], ARGV[4] .. ' ' .. ARGV[3])
    redis.call('PEXPIREAT', KEYS[5], ends_ms() + 1000)
  else
    applied = rev
    while true do
      local first = redis.call('ZRANGEBYSCORE', KEYS[5], '-inf', applied, 'LIMIT', 0, 1)[1]
      if not first then break end
      applied = math.max(applied, tonumber(first:match('%d+$')))
      redis.call('ZREM', KEYS[5], first)
    end
    stored[1], stored[2] = 'applied', applied
  end
end

local is_news = not known_epoch or rev > tonumber(quota[3])
if is_news then
  local figures = {epoch = ARGV[2], rev = ARGV[3], state = ARGV[5], buyers = ARGV[6], units = ARGV[7]}
  for field, value in pairs(figures) do stored[#stored + 1], stored[#stored + 2] = field, value end
end
if #stored > 0 then redis.call('HSET', KEYS[1], unpack(stored)) end
if not is_news then return {'same', applied} end
redis.call('PUBLISH', KEYS[6], ARGV[8])
return {'newer', applied}
