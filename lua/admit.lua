-- Admits requests to join one deal: checks cap, window and state, and holds a place for each or answers with the refusal.
-- This is the early check of the cap; `commit_signups` in Postgres enforces it.
--
-- KEYS  1 quota  2 buyers  3 holds  4 held  5 raising        (all of one deal)
-- ARGV  1 run id of this Redis  2 now, ms (the node's clock, adjusted to that of Postgres)  3 time to live of a hold, ms
--       then for each request: signup, buyer, units
-- Reply {word, …}, one for each request:
--       admitted         a place is held (again, if it was held before)
--       known            the buyer has had a signup in this deal, or Redis cannot rule it out: only Postgres may refuse
--       places_held      every free place is held by joins that are being recorded, or the cap is about to be raised
--       sold_out | not_enough_left | not_open | closed
--                        after sold_out, the epoch and rev it was judged by; after not_enough_left, the most that may be taken
--       or {'load'}: the deal or its buyers are missing, or were loaded into another run of Redis
-- Writes holds, held
--
-- Postgres decides: a wrong admission is refused there. A refusal here must be certain even if Redis has missed the latest changes,
-- so a buyer who may have a signup is never refused here.

local SLACK_MS = 2000
local MOST_EXPIRED = 32

local quota = redis.call('HMGET', KEYS[1], 'run_id', 'loaded', 'state', 'opens_ms', 'closes_ms', 'cap', 'units', 'buyers', 'tipping_point', 'epoch', 'rev', 'applied')
if quota[1] ~= ARGV[1] or quota[2] ~= '1' then return {'load'} end

local time = redis.call('TIME')
local redis_ms = time[1] * 1000 + math.floor(time[2] / 1000)
drop_holds(KEYS[3], KEYS[4], redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', redis_ms, 'LIMIT', 0, MOST_EXPIRED))

local now_ms, ttl_ms = tonumber(ARGV[2]), tonumber(ARGV[3])
local signups, buyers = {}, {}
for at = 4, #ARGV, 3 do
  signups[#signups + 1] = ARGV[at]
  buyers[#buyers + 1] = ARGV[at + 1]
end
local known = redis.call('HMGET', KEYS[2], '=whole', unpack(buyers))
-- Eviction may have dropped only the buyers. A retry by one of them would then be answered "sold out".
if not known[1] then return {'load'} end
local holds = redis.call('HMGET', KEYS[4], '=units', '=new', '=ends', unpack(signups))
-- Eviction may have dropped only `holds`. The entries in `held` would then never end while new joins arrive. The DEL must stay
-- conditional: after a write that frees memory, Redis lets a script go on writing when it is out of memory.
if tonumber(holds[1] or 0) > 0 and redis.call('EXISTS', KEYS[3]) == 0 then
  redis.call('DEL', KEYS[4])
  holds = {}
end
local held_units, held_new = tonumber(holds[1] or 0), tonumber(holds[2] or 0)

local state, cap = quota[3], tonumber(quota[6])
local left = cap and cap - quota[7]
local needed = state == 'open' and quota[9] - quota[8] or 0
-- While a change up to these figures is missing, its buyers are unknown.
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
  -- The cap: while the deal is open, as many units must stay free as buyers are still needed after this join.
  local available = left - math.max(0, needed - new)
  if units > available then return 'not_enough_left' .. ' ' .. math.max(0, available) end
  if units > left - held_units - math.max(0, needed - held_new - new) then return 'places_held' end
  return 'admitted'
end

-- The arguments of one ZADD (`ends`: expiry, signup, …) and one HSET (`parts`: signup, units and new, …) after the loop.
local replies, ends, parts, held_now, ends_ms = {}, {}, {}, {}, redis_ms + ttl_ms
local were_held = held_units > 0
for n, signup in ipairs(signups) do
  local word = 'admitted'
  -- A signup that is already held, by an earlier call or by this one (a double click), is admitted again without a new hold.
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
-- Both keys expire together, and never before the last hold ends. Their expiry is extended rarely, but always when the keys may be new.
local end_later = #ends > 0 and not (were_held and holds[3] and tonumber(holds[3]) - ttl_ms / 2 > ends_ms)
if end_later then parts[#parts + 1], parts[#parts + 2] = '=ends', redis_ms + ttl_ms * 2 end
if #parts > 0 then redis.call('HSET', KEYS[4], '=units', held_units, '=new', held_new, unpack(parts)) end
if #ends > 0 then redis.call('ZADD', KEYS[3], unpack(ends)) end
if end_later then
  redis.call('PEXPIRE', KEYS[3], ttl_ms * 2)
  redis.call('PEXPIRE', KEYS[4], ttl_ms * 2)
end
return replies
