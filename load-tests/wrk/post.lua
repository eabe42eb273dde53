-- The same empty POST again and again.
dofile("load-tests/wrk/report.lua")
wrk.method = "POST"
