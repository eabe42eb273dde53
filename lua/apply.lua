-- Applies the committed state of one deal to Redis: after each commit, and during reconciliation.
--
-- KEYS  1 quota  2 buyers  3 holds  4 held  5 ranges  6 channel           (all of one deal)
-- ARGV  1 epoch  2 rev  3 rev before  4 state  5 buyers  6 units  7 tipping point  8 cap ('' = unlimited)  9 opens, ms
--       10 closes, ms  11 the live message, as it is published
--       12 number of signups whose holds to drop; then these signups; then for each changed buyer: buyer, units, rev
-- Reply {word, applied}: newer (figures and terms stored and published) | same (only the buyers stored) | stale (an older epoch)
--       | missing (not loaded, or deleted because the epoch is newer)
--       applied: the rev up to which Redis has every change
-- Writes quota, buyers, holds, held, ranges; publishes on channel
--
-- All values are absolute, so calls may repeat, arrive late or run in any order: the result is the same.
-- Figures and terms are stored together, and the newest (epoch, rev) wins. Only a load creates the key.

local done, finished, changed = tonumber(ARGV[12]), {}, {}
for at = 13, 12 + done do finished[#finished + 1] = ARGV[at] end
for at = 13 + done, #ARGV, 3 do changed[#changed + 1] = ARGV[at] end
drop_holds(KEYS[3], KEYS[4], finished)

local quota = redis.call('HMGET', KEYS[1], 'loaded', 'epoch', 'rev', 'applied', 'ends_ms', 'closes_ms', 'cap')
if not quota[1] then return {'missing', 0} end
local epoch, known_epoch = tonumber(ARGV[1]), tonumber(quota[2])
if known_epoch and epoch < known_epoch then return {'stale', 0} end
if known_epoch and epoch > known_epoch then
  -- Postgres began a new epoch, so some known buyers may come from lost commits. The next join loads the deal again. Loading does not
  -- publish, so publish now.
  redis.call('DEL', KEYS[1], KEYS[2], KEYS[5])
  redis.call('PUBLISH', KEYS[6], ARGV[11])
  return {'missing', 0}
end

local rev, applied = tonumber(ARGV[2]), tonumber(quota[4] or 0)
local is_news = not known_epoch or rev > tonumber(quota[3])

-- A changed closing time moves the quota's expiry by the same amount. A quota that is being loaded expires within a minute.
local ends_ms = tonumber(quota[5])
local moved = is_news and ends_ms and ARGV[10] ~= quota[6]
if moved then ends_ms = ends_ms + ARGV[10] - quota[6] end
local function parts_end_ms()
  return (ends_ms or redis.call('TIME')[1] * 1000 + 60000) + 1000
end

if #changed > 0 then
  local known, newest, newer = redis.call('HMGET', KEYS[2], '=whole', unpack(changed)), {}, {}
  for n, buyer in ipairs(changed) do
    local at = 10 + done + n * 3
    local buyer_rev = tonumber(ARGV[at + 2])
    local before = known[n + 1]
    if buyer_rev > (newest[buyer] or before and tonumber(before:match('^%d+ (%d+)$')) or -1) then
      newest[buyer] = buyer_rev
      newer[#newer + 1], newer[#newer + 2] = buyer, ARGV[at + 1] .. ' ' .. ARGV[at + 2]
    end
  end
  if #newer > 0 then redis.call('HSET', KEYS[2], unpack(newer)) end
  -- A key created by this call must not long outlive the quota.
  if not known[1] then redis.call('PEXPIREAT', KEYS[2], parts_end_ms()) end
end

-- A range beyond a gap is stored. Any other range advances `applied`, over the stored ranges that it reaches.
local stored = {}
if rev > applied then
  if tonumber(ARGV[3]) > applied then
    redis.call('ZADD', KEYS[5], ARGV[3], ARGV[3] .. ' ' .. ARGV[2])
    redis.call('PEXPIREAT', KEYS[5], parts_end_ms())
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

if not is_news then
  if stored[1] then redis.call('HSET', KEYS[1], 'applied', applied) end
  return {'same', applied}
end
if moved then stored[#stored + 1], stored[#stored + 2] = 'ends_ms', ends_ms end
if ARGV[8] ~= '' then
  stored[#stored + 1], stored[#stored + 2] = 'cap', ARGV[8]
elseif quota[7] then
  redis.call('HDEL', KEYS[1], 'cap')
end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'rev', ARGV[2], 'state', ARGV[4], 'buyers', ARGV[5], 'units', ARGV[6], 'tipping_point', ARGV[7], 'opens_ms', ARGV[9], 'closes_ms', ARGV[10], unpack(stored))
if moved then
  redis.call('PEXPIREAT', KEYS[1], ends_ms)
  redis.call('PEXPIREAT', KEYS[2], ends_ms + 1000)
  redis.call('PEXPIREAT', KEYS[5], ends_ms + 1000)
end
redis.call('PUBLISH', KEYS[6], ARGV[11])
return {'newer', applied}
