-- Asks what stands in a file, line by line in a random order, and says the figures as one line of JSON.
-- A line is a path for GET; with BENCH_BODY set it is sent as POST with that body, whose @ is a number.

local asked, count, sent = {}, 0, 0
local body = os.getenv("BENCH_BODY")
local run = os.getenv("BENCH_RUN") or "0"
local pause_ms = tonumber(os.getenv("BENCH_PAUSE_MS") or "0")

wrk.headers["Authorization"] = os.getenv("BENCH_AUTHORIZATION")

function init(_)
  for line in io.lines(os.getenv("BENCH_PATHS")) do
    count = count + 1
    asked[count] = body and line or wrk.format("GET", line)
  end
  math.randomseed(7)
end

function request()
  local line = asked[math.random(count)]
  if not body then
    return line
  end
  sent = sent + 1
  return wrk.format("POST", line .. "&run=" .. run .. "." .. sent, nil, (body:gsub("@", run .. sent)))
end

if pause_ms > 0 then
  -- Half to one and a half times the pause: the connections must not come to ask in step.
  function delay()
    return math.floor(pause_ms * (0.5 + math.random()))
  end
end

function done(summary, latency, _)
  local errors = summary.errors
  print(string.format(
    'FIGURES {"requests":%d,"seconds":%.6f,"bytes":%d,"refused":%d,"broken":%d,"p50_ms":%.4f,"p99_ms":%.4f,"max_ms":%.4f}',
    summary.requests, summary.duration / 1e6, summary.bytes, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3))
end
