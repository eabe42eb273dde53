-- Gives back the places of joins that will not be recorded.
--
-- KEYS  1 holds  2 held                                      (both of one deal)
-- ARGV  the signups
-- Reply {'released', how many were held}
-- Writes holds, held

local released = 0
for _, signup in ipairs(ARGV) do released = released + drop_hold(KEYS[1], KEYS[2], signup) end
return {'released', released}
