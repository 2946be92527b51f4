-- KEYS members, due, fence, meta, log of one room.
-- ARGV participant, attach_epoch, state, grace ms, life of the keys ms, media node or "", lease ms.
-- Reply OK | FENCED | GONE.
-- Somebody away keeps the deadline of the moment they fell silent.
local participant = ARGV[1]
if redis.call("HGET", KEYS[3], participant) ~= ARGV[2] then
  return redis.call("HEXISTS", KEYS[3], participant) == 1 and "FENCED" or "GONE"
end
local held = redis.call("HGET", KEYS[1], participant)
if not held then return "GONE" end
local time = redis.call("TIME")
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local record = cjson.decode(held)
local was_away = string.find(record.state, "_away", 1, true)
local is_away = string.find(ARGV[3], "_away", 1, true)
if not (was_away and is_away) then
  redis.call("ZADD", KEYS[2], now_ms + tonumber(ARGV[4]), participant)
end
if record.state ~= ARGV[3] then
  record.state = ARGV[3]
  redis.call("HSET", KEYS[1], participant, cjson.encode(record))
end
if ARGV[6] ~= "" and redis.call("HGET", KEYS[4], "media_node") == ARGV[6] then
  redis.call("HSET", KEYS[4], "media_until_ms", string.format("%.0f", now_ms + tonumber(ARGV[7])))
end
for _, key in ipairs(KEYS) do redis.call("PEXPIRE", key, ARGV[5]) end
return "OK"
