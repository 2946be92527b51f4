-- KEYS members, due, fence, meta of one room.
-- ARGV participant, mode (join | takeover | restore), record (JSON), device hash, state wanted,
--      known epoch, seats at most, grace ms, life of the keys ms.
-- Reply {OK, attach_epoch, seq, state, members as field, value, …} | {SEAT_TAKEN, since ms ago}
--      | {FULL} | {ENDED} | {FENCED}.
-- One atomic run: of two devices one gets the seat, and the snapshot misses nothing.
local participant, mode, device = ARGV[1], ARGV[2], ARGV[4]
local known, cap, grace_ms, ttl_ms = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9]
local time = redis.call("TIME")
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.call("HGET", KEYS[4], "ended") then return {"ENDED"} end

local held = redis.call("HGET", KEYS[1], participant)
local old = held and cjson.decode(held)
local due_ms = tonumber(redis.call("ZSCORE", KEYS[2], participant)) or 0
local is_present = old and due_ms > now_ms and not string.find(old.state, "_away", 1, true)
if mode == "join" and is_present and old.device ~= device then
  return {"SEAT_TAKEN", now_ms - tonumber(old.since_ms)}
end
if not old and redis.call("HLEN", KEYS[1]) >= cap then return {"FULL"} end

local fence = tonumber(redis.call("HGET", KEYS[3], participant)) or 0
local epoch
if mode == "restore" then
  if fence > known then return {"FENCED"} end
  epoch = known
else
  -- A plain counter could fall back after a failover that lost writes; the clock does not.
  epoch = math.max(fence + 1, math.min(known + 1, now_ms + 60000), now_ms)
end
local text = string.format("%.0f", epoch)
local record = cjson.decode(ARGV[3])
record.state = ARGV[5]
if mode ~= "restore" and old and string.find(old.state, "active", 1, true) then
  record.state = "active"
end
record.device, record.attach_epoch = device, text
record.since_ms = string.format("%.0f", now_ms)
redis.call("HSET", KEYS[1], participant, cjson.encode(record))
redis.call("HSET", KEYS[3], participant, text)
redis.call("ZADD", KEYS[2], now_ms + grace_ms, participant)
redis.call("HSETNX", KEYS[4], "seq", "0")
for _, key in ipairs(KEYS) do redis.call("PEXPIRE", key, ttl_ms) end
local seq = tonumber(redis.call("HGET", KEYS[4], "seq"))
local reply = {"OK", text, seq, record.state}
for _, part in ipairs(redis.call("HGETALL", KEYS[1])) do reply[#reply + 1] = part end
return reply
