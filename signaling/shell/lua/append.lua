-- KEYS fence, meta, log of one room.
-- ARGV participant or "", attach_epoch, least seq, entries kept, life of the keys ms, then for each
--      event its JSON and its audience.
-- Reply {OK, seq of the last event} | {FENCED}.
-- A late write of an older socket changes nothing; seq never falls below what a node has told.
if ARGV[1] ~= "" and redis.call("HGET", KEYS[1], ARGV[1]) ~= ARGV[2] then return {"FENCED"} end
local seq = math.max(tonumber(redis.call("HGET", KEYS[2], "seq")) or 0, tonumber(ARGV[3]))
for at = 6, #ARGV, 2 do
  seq = seq + 1
  local id = string.format("%.0f-0", seq)
  redis.call("XADD", KEYS[3], "MAXLEN", ARGV[4], id, "event", ARGV[at], "audience", ARGV[at + 1])
end
redis.call("HSET", KEYS[2], "seq", string.format("%.0f", seq))
redis.call("PEXPIRE", KEYS[2], ARGV[5])
redis.call("PEXPIRE", KEYS[3], ARGV[5])
return {"OK", seq}
