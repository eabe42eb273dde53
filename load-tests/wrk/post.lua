-- Repeats the same empty POST.
dofile("load-tests/wrk/report.lua")
wrk.method = "POST"
