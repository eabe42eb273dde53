-- Sends requests that accept compression, as browsers do.
dofile("load-tests/wrk/report.lua")

function init()
  wrk.headers["Accept-Encoding"] = "gzip, deflate, br, zstd"
end
