-- Adds a chunk of buyers to a deal that is being loaded. A buyer who left has 0 units.
--
-- KEYS  1 quota  2 buyers                                    (all of one deal)
-- ARGV  1 token of this load; then for each buyer: buyer, units, rev
-- Reply {word}: taken | superseded (another load took over, or the quota is gone)
-- Writes buyers

if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return {'superseded'} end
for at = 2, #ARGV, 3 do
  local known = redis.call('HGET', KEYS[2], ARGV[at])
  if not known or tonumber(known:match('%d+$')) < tonumber(ARGV[at + 2]) then
    redis.call('HSET', KEYS[2], ARGV[at], ARGV[at + 1] .. ' ' .. ARGV[at + 2])
  end
end
return {'taken'}
