-- KEYS members, due of one room.  ARGV most to take.
-- Reply {now ms, next deadline ms or "", then participant and record (JSON) of each taken}.
-- Removal is the decision: of two sweeps one takes the seat, and that one announces it.
local time = redis.call("TIME")
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local gone = redis.call("ZRANGEBYSCORE", KEYS[2], "-inf", now_ms, "LIMIT", 0, ARGV[1])
local reply = {now_ms, ""}
for _, participant in ipairs(gone) do
  local record = redis.call("HGET", KEYS[1], participant)
  redis.call("ZREM", KEYS[2], participant)
  if record then
    redis.call("HDEL", KEYS[1], participant)
    reply[#reply + 1] = participant
    reply[#reply + 1] = record
  end
end
local first = redis.call("ZRANGE", KEYS[2], 0, 0, "WITHSCORES")
if first[2] then reply[2] = string.format("%.0f", tonumber(first[2])) end
return reply
