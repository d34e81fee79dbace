-- Reads records of a stream, up to a number of bytes: only the server knows how large the next records are.
--
-- KEYS[1]  the stream
-- ARGV[1]  the id of the entry to begin at, or '-'
-- ARGV[2]  how many entries
-- ARGV[3]  after how many bytes of events the reply ends
--
-- Replies as XRANGE does. An entry that is ARGV[1] itself comes without its event, which the reader has.

-- How many entries are held in addition to those of the reply.
local STEP = 2

local reply, bytes = {}, 0
local from, left, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
while left > 0 do
    local asked = math.min(left, STEP)
    local entries = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', asked)
    for i = 1, #entries do
        local entry = entries[i]
        local fields = entry[2]
        reply[#reply + 1] = entry
        if entry[1] == ARGV[1] then
            for k = 1, #fields, 2 do
                if fields[k] == 'b' then
                    fields[k + 1] = ''
                end
            end
        else
            for k = 2, #fields, 2 do
                bytes = bytes + #fields[k]
            end
            if bytes >= most then
                return reply
            end
        end
    end
    if #entries < asked then
        break
    end
    left = left - asked
    from = '(' .. entries[asked][1]
end
return reply
