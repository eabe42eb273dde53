-- Shared by the scripts that drop holds: put before them when they are compiled.
--
-- A hold lives in two keys that end together: `holds` (sorted set: signup → when it ends, Redis' time in ms) and `held`
-- (hash: signup → "units new", new being 1 for a buyer who was not known; and the sums of both in its fields `=units` and
-- `=new`). The sums live beside what they sum, so they cannot outlive it.

local function drop_hold(holds, held, signup)
  local hold = redis.call('HGET', held, signup)
  redis.call('ZREM', holds, signup)
  if not hold then return 0 end
  local units, new = hold:match('(%d+) (%d)')
  redis.call('HDEL', held, signup)
  -- Not `-new`: the minus of 0 is -0 in Lua, which Redis takes for no number.
  redis.call('HINCRBY', held, '=units', 0 - units)
  redis.call('HINCRBY', held, '=new', 0 - new)
  return 1
end
