-- Shared by the scripts that drop holds; prepended to each of them.
--
-- A hold has an entry in two keys, which expire together.
--   holds   sorted set: signup → when the hold expires, in ms by the clock of Redis
--   held    hash: signup → "units new"; new is 1 for a stranger and 0 for a known buyer. `=units` and `=new` are the sums.
--           `=ends` is a time that is not after the expiry of both keys.
-- The sums are in the same key as their parts, so neither outlives the other.

local function drop_holds(holds, held, signups)
  if #signups == 0 then return 0 end
  local kept = redis.call('HMGET', held, '=units', '=new', unpack(signups))
  redis.call('ZREM', holds, unpack(signups))
  local dropped, seen, units, new = {}, {}, tonumber(kept[1] or 0), tonumber(kept[2] or 0)
  for n, signup in ipairs(signups) do
    local of = kept[n + 2]
    if of and not seen[signup] then
      local of_units, of_new = of:match('^(%d+) (%d)$')
      units, new = units - of_units, new - of_new
      seen[signup], dropped[#dropped + 1] = true, signup
    end
  end
  if #dropped > 0 then
    redis.call('HDEL', held, unpack(dropped))
    redis.call('HSET', held, '=units', units, '=new', new)
  end
  return #dropped
end
