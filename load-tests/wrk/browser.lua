-- Asks as browsers do, for compressed answers.
dofile("load-tests/wrk/report.lua")

function init()
  wrk.headers["Accept-Encoding"] = "gzip, deflate, br, zstd"
end
