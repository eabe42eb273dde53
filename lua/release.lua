-- Releases the holds of joins that will not be recorded.
--
-- KEYS  1 holds  2 held                                      (both of one deal)
-- ARGV  the signups
-- Reply {'released', number of holds that were dropped}
-- Writes holds, held

return {'released', drop_holds(KEYS[1], KEYS[2], ARGV)}
