-- Takes units from a rate limit that all nodes share, or replies with the time to wait. The algorithm is GCRA. Its state is one number:
-- the time at which the whole burst is available again.
--
-- KEYS  1 rate                                               (of one limit and one limited subject)
-- ARGV  1 emission interval, µs: the time in which one unit comes back  2 burst: the maximum number of units
--       3 cost: units to take now  4 debt: units that the node granted earlier on its own; always counted
-- Reply {'ok', units that may still be taken now}
--       {'limited', ms until the cost can be taken}           nothing but the debt was taken
-- Writes rate: a time in µs by the clock of Redis; the key expires at that time
--
-- A repeated call counts twice. The limit is too strict until these units have come back.

local interval_us, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local cost, debt = tonumber(ARGV[3]), tonumber(ARGV[4])

local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local back_us = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now_us)
local latest_us = now_us + burst * interval_us

-- A debt never delays a caller by more than a whole burst.
local with_debt_us = math.min(back_us + debt * interval_us, math.max(back_us, latest_us))
local wanted_us = with_debt_us + cost * interval_us
local reply
if wanted_us <= latest_us then
  back_us = wanted_us
  reply = {'ok', math.floor((latest_us - wanted_us) / interval_us)}
else
  back_us = with_debt_us
  reply = {'limited', math.ceil((wanted_us - latest_us) / 1000)}
end
if back_us > now_us then
  redis.call('SET', KEYS[1], string.format('%.0f', back_us), 'PX', math.ceil((back_us - now_us) / 1000))
end
return reply
