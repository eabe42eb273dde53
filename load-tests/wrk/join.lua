-- Joins. Each request has a different buyer and its own key. Run it from the root of the repository:
--   wrk -t2 -c64 -d5s -s load-tests/wrk/join.lua http://127.0.0.1:8080 -- TOKENS DEALS RUN
-- TOKENS and DEALS are files with one token or one deal id per line. RUN makes the keys of this run unique.
dofile("load-tests/wrk/report.lua")

local started = 0

function setup(thread)
  thread:set("number", started)
  started = started + 1
end

local function lines(path)
  local found = {}
  for line in io.lines(path) do found[#found + 1] = line end
  return found
end

local tokens, deals, head
local count = 0

function init(args)
  tokens, deals = lines(args[1]), lines(args[2])
  head = string.format("\r\nContent-Type: application/json\r\nContent-Length: 11\r\nIdempotency-Key: %s-%d-", args[3], number)
end

function request()
  count = count + 1
  -- Each thread uses its own half of the buyers, so that concurrent requests come from different buyers.
  local half = math.max(1, math.floor(#tokens / 2))
  local token = tokens[(number % 2 * half + count * 7919 % half) % #tokens + 1]
  local deal = deals[count % #deals + 1]
  return "POST /api/v1/deals/" .. deal .. "/signups HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer " .. token .. head .. count
    .. '\r\n\r\n{"units":1}'
end
