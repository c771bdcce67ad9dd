-- What wrk sends, and its results as one line of JSON. Arguments: HEADS, after how many requests to stop (0: never),
-- and how many milliseconds each connection pauses before a request.
function init(args)
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["X-Request-Id"] = "3864cc08d6d84f0692b1736a25fe3252"
  wrk.body = '{"heads":' .. args[1] .. '}'
  local left = tonumber(args[2])
  local pause = tonumber(args[3])
  -- Only where it is asked for: wrk is slower with them.
  if pause > 0 then
    function delay() return pause end
  end
  if left > 0 then
    function response()
      left = left - 1
      if left == 0 then wrk.thread:stop() end
    end
  end
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '\nRESULT {"requests":%d,"seconds":%f,"p99":%f,"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(99) / 1000,
    e.connect, e.read, e.write, e.timeout, e.status))
end
