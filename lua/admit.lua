-- Admits requests to join one deal: checks the deal's cap, window and state, and answers each request with a hold or a refusal.
-- This is the early check of the cap; `commit_signups` in Postgres enforces it.
--
-- KEYS  1 quota  2 buyers  3 holds  4 held  5 raising        (all of one deal)
-- ARGV  1 run id of this Redis  2 now, ms (the node's clock, adjusted to that of Postgres)  3 time to live of a hold, ms
--       then for each request: signup, buyer, units
-- Reply {word, …}, one for each request:
--       admitted         a hold blocks the units; a hold that exists is extended
--       known            the buyer has had a signup in this deal, or Redis may have missed it: only Postgres may refuse
--       places_held      the holds of other joins leave too few units, or the cap is about to be raised
--       sold_out | not_enough_left | not_open | closed
--                        sold_out is followed by the epoch and rev of the figures, not_enough_left by the maximum units of a request
--       or {'load'}: the deal or its buyers are missing, or were loaded into another run of Redis
-- Writes holds, held
--
-- Postgres corrects a wrong admission, but nothing corrects a wrong refusal. So a refusal must be right even if Redis has missed the
-- latest changes, and a buyer who may have a signup is never refused.

-- The tolerance for a node's clock.
local SLACK_MS = 2000
-- The maximum number of expired holds that one call drops.
local EXPIRED_MAX = 32

local quota = redis.call('HMGET', KEYS[1], 'run_id', 'loaded', 'state', 'opens_ms', 'closes_ms', 'cap', 'units', 'buyers', 'tipping_point', 'epoch', 'rev', 'applied')
if quota[1] ~= ARGV[1] or quota[2] ~= '1' then return {'load'} end

local time = redis.call('TIME')
local redis_ms = time[1] * 1000 + math.floor(time[2] / 1000)
drop_holds(KEYS[3], KEYS[4], redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', redis_ms, 'LIMIT', 0, EXPIRED_MAX))

local now_ms, ttl_ms = tonumber(ARGV[2]), tonumber(ARGV[3])
local signups, buyers = {}, {}
for at = 4, #ARGV, 3 do
  signups[#signups + 1] = ARGV[at]
  buyers[#buyers + 1] = ARGV[at + 1]
end
local known = redis.call('HMGET', KEYS[2], '=whole', unpack(buyers))
-- Eviction may have dropped only `buyers`. A retry by a buyer who has joined would be refused as sold out.
if not known[1] then return {'load'} end
local holds = redis.call('HMGET', KEYS[4], '=units', '=new', '=ends', unpack(signups))
-- Eviction may have dropped only `holds`. The entries in `held` would never expire while new joins arrive. The DEL must stay
-- conditional: once a script has written, Redis no longer refuses its writes when memory runs out.
if tonumber(holds[1] or 0) > 0 and redis.call('EXISTS', KEYS[3]) == 0 then
  redis.call('DEL', KEYS[4])
  holds = {}
end
local held_units, held_new = tonumber(holds[1] or 0), tonumber(holds[2] or 0)

local state, cap = quota[3], tonumber(quota[6])
local left = cap and cap - quota[7]
local needed = state == 'open' and quota[9] - quota[8] or 0
-- While a change up to `rev` is missing, its buyers may be missing from `buyers`.
local complete = tonumber(quota[12]) >= tonumber(quota[11])

-- Reads `raising` at most once per call, and only when no unit is left.
local no_units_left
local function sold_out()
  if not no_units_left then
    local raised_to = redis.call('GET', KEYS[5])
    local is_rising = raised_to and (raised_to == 'none' or tonumber(raised_to) > cap)
    no_units_left = is_rising and 'places_held' or 'sold_out' .. ' ' .. quota[10] .. ' ' .. quota[11]
  end
  return no_units_left
end

local function decide(units, new)
  if state ~= 'open' and state ~= 'tipped' then return 'closed' end
  if now_ms - SLACK_MS >= tonumber(quota[5]) then return 'closed' end
  if now_ms + SLACK_MS < tonumber(quota[4]) then return 'not_open' end
  if not left then return 'admitted' end
  if left <= 0 then return sold_out() end
  -- While the deal is open, one unit stays free for each buyer who is still needed after this join.
  local available = left - math.max(0, needed - new)
  if units > available then return 'not_enough_left' .. ' ' .. math.max(0, available) end
  if units > left - held_units - math.max(0, needed - held_new - new) then return 'places_held' end
  return 'admitted'
end

-- The loop collects the arguments of one ZADD (`ends`: expiry, signup, …) and one HSET (`parts`: signup, units and new, …).
local replies, ends, parts, held_now, ends_ms = {}, {}, {}, {}, redis_ms + ttl_ms
local were_held = held_units > 0
for n, signup in ipairs(signups) do
  local word = 'admitted'
  -- A signup that has a hold, from an earlier call or from this one (a double click), is admitted again without a second hold.
  if not (holds[n + 3] or held_now[signup]) then
    local units, new = tonumber(ARGV[3 + n * 3]), known[n + 1] and 0 or 1
    word = decide(units, new)
    if word == 'admitted' then
      held_units, held_new = held_units + units, held_new + new
      held_now[signup] = true
      parts[#parts + 1], parts[#parts + 2] = signup, units .. ' ' .. new
    elseif new == 0 or not complete then
      word = 'known'
    end
  end
  if word == 'admitted' then ends[#ends + 1], ends[#ends + 2] = ends_ms, signup end
  replies[n] = word
end
-- Both keys expire together, and never before the last hold. Their expiry is extended rarely, but always when the keys may be new.
local end_later = #ends > 0 and not (were_held and holds[3] and tonumber(holds[3]) - ttl_ms / 2 > ends_ms)
if end_later then parts[#parts + 1], parts[#parts + 2] = '=ends', redis_ms + ttl_ms * 2 end
if #parts > 0 then redis.call('HSET', KEYS[4], '=units', held_units, '=new', held_new, unpack(parts)) end
if #ends > 0 then redis.call('ZADD', KEYS[3], unpack(ends)) end
if end_later then
  redis.call('PEXPIRE', KEYS[3], ttl_ms * 2)
  redis.call('PEXPIRE', KEYS[4], ttl_ms * 2)
end
return replies
