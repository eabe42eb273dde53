-- Shared by the scripts that drop holds: put before them when they are compiled.
--
-- A hold lives in two keys that end together: `holds` (sorted set: signup → when it ends, Redis' time in ms) and `held`
-- (hash: signup → "units new", new being 1 for a buyer who was not known; and the sums of both in its fields `=units` and
-- `=new`). The sums live beside what they sum, so they cannot outlive it.

local function drop_holds(holds, held, signups)
  if #signups == 0 then return 0 end
  local kept = redis.call('HMGET', held, unpack(signups))
  redis.call('ZREM', holds, unpack(signups))
  local dropped, seen, units, new = {}, {}, 0, 0
  for n, signup in ipairs(signups) do
    if kept[n] and not seen[signup] then
      local of_units, of_new = kept[n]:match('(%d+) (%d)')
      units, new = units + of_units, new + of_new
      seen[signup], dropped[#dropped + 1] = true, signup
    end
  end
  if #dropped > 0 then
    redis.call('HDEL', held, unpack(dropped))
    -- Not `-new`: the minus of 0 is -0 in Lua, which Redis takes for no number.
    redis.call('HINCRBY', held, '=units', 0 - units)
    redis.call('HINCRBY', held, '=new', 0 - new)
  end
  return #dropped
end
