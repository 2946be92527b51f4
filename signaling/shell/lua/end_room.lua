-- KEYS members, due, meta of one room.  ARGV life of the mark ms.  Reply OK.
-- Every seat goes at once; whoever comes later with a living ticket meets the mark.
redis.call("DEL", KEYS[1], KEYS[2])
redis.call("HSET", KEYS[3], "ended", "1")
redis.call("PEXPIRE", KEYS[3], ARGV[1])
return "OK"
