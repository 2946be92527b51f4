-- KEYS members, due, fence of one room.  ARGV participant, attach_epoch or "" (whatever it is).
-- Reply OK | FENCED | GONE.  The fence outlives the seat: late writes of its sockets meet it.
if ARGV[2] ~= "" and redis.call("HGET", KEYS[3], ARGV[1]) ~= ARGV[2] then return "FENCED" end
redis.call("ZREM", KEYS[2], ARGV[1])
return redis.call("HDEL", KEYS[1], ARGV[1]) == 1 and "OK" or "GONE"
