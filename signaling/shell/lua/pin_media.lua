-- KEYS meta of one room.
-- ARGV media node, its boot id, room epoch the caller knows, lease ms, forced (0 | 1), life ms.
-- Reply {PINNED | HELD | STALE, node, boot id, room_epoch}: where the room's media is now.
-- Forced is a move on proof of death; it counts only from the epoch the caller saw die.
local time = redis.call("TIME")
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local held = redis.call("HMGET", KEYS[1], "media_node", "media_boot", "room_epoch", "media_until_ms")
local epoch = tonumber(held[3]) or 0
local is_alive = held[1] and (tonumber(held[4]) or 0) > now_ms
local expected = tonumber(ARGV[3])
if is_alive and ARGV[5] == "0" then return {"HELD", held[1], held[2], held[3]} end
if ARGV[5] == "1" and held[1] and expected ~= epoch then
  return {"STALE", held[1], held[2], held[3]}
end
-- As with attach epochs, the clock keeps it from falling back when this memory was lost.
local text = string.format("%.0f", math.max(epoch + 1, expected + 1, now_ms))
redis.call("HSET", KEYS[1], "media_node", ARGV[1], "media_boot", ARGV[2], "room_epoch", text,
  "media_until_ms", string.format("%.0f", now_ms + tonumber(ARGV[4])))
redis.call("PEXPIRE", KEYS[1], ARGV[6])
return {"PINNED", ARGV[1], ARGV[2], text}
