import { MOST_UNREAD } from './rooms.ts'

/**
 * A turn: the rules of `rooms.ts`, on the server's time. All of a room is one hash, so that it is of one slot in a cluster.
 * Whoever has been subscribed and is not any more is gone: a process that was killed does not keep its slots for a lease.
 */
export const TURN: string = `
local key, channels = KEYS[1], ARGV[1]
local name, id, lease, epoch, count, read, leaves, deafMs =
  ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8], tonumber(ARGV[9])
local time = redis.call('TIME')
local at = time[1] * 1000 + math.floor(time[2] / 1000)

local packed = redis.call('HGET', key, 'room')
local room = packed and cmsgpack.unpack(packed) or { epoch = 0, leader = '', members = {} }
local members = room.members

local function drop(one)
  local member = members[one]
  members[one] = nil
  for number = member.oldest, member.number do redis.call('HDEL', key, one .. string.format(' %.0f', number)) end
end

local ids, subscribed = {}, {}
for one in pairs(members) do ids[#ids + 1] = channels .. one end
if #ids > 0 then
  local numbers = redis.call('PUBSUB', 'NUMSUB', unpack(ids))
  for i = 1, #numbers, 2 do subscribed[numbers[i]] = numbers[i + 1] > 0 end
end
for one, member in pairs(members) do
  if subscribed[channels .. one] then
    member.heard, member.deaf = true, nil
  elseif member.heard then
    member.deaf = math.min(member.deaf or at, at)
  end
  -- A clock that was set back keeps nobody for longer than a lease.
  member.expires = math.min(member.expires, at + lease)
end
local gone = {}
for one, member in pairs(members) do
  local deaf = one ~= id and member.deaf and at - member.deaf >= deafMs
  if member.expires <= at or deaf then gone[#gone + 1] = one end
end
for _, one in ipairs(gone) do drop(one) end

local joined = members[id] == nil
local me = members[id] or { count = 0, number = at * 1000, oldest = at * 1000 + 1 }
members[id] = me
me.expires = at + lease
if members[room.leader] == nil then
  room.epoch = math.max(room.epoch, epoch, at) + 1
  room.leader = id
end

if not joined and epoch == room.epoch and count > me.count then
  for i = 10, #ARGV, 2 do
    local to, text = ARGV[i], ARGV[i + 1]
    local member = members[to]
    if member then
      member.number = member.number + 1
      local number = string.format('%.0f', member.number)
      redis.call('HSET', key, to .. ' ' .. number, text)
      if member.number - member.oldest >= ${MOST_UNREAD} then drop(to) end
      redis.call('PUBLISH', channels .. to, name .. '\\n' .. string.format('%.0f', epoch) .. '\\n' .. number .. '\\n' .. text)
    end
  end
end
me.count = count

while me.oldest <= me.number and me.oldest <= read do
  redis.call('HDEL', key, id .. string.format(' %.0f', me.oldest))
  me.oldest = me.oldest + 1
end
local mail = {}
for number = me.oldest, me.number do
  mail[#mail + 1] = number
  mail[#mail + 1] = redis.call('HGET', key, id .. string.format(' %.0f', number)) or '["",[]]'
end
local reply = { room.epoch, room.leader, joined and 1 or 0, me.oldest - 1, {}, mail }
for one in pairs(members) do reply[5][#reply[5] + 1] = one end

if leaves == '1' then drop(id) end
if next(members) == nil then
  redis.call('DEL', key)
else
  redis.call('HSET', key, 'room', cmsgpack.pack(room))
  redis.call('PEXPIRE', key, lease * 20)
end
return reply
`
