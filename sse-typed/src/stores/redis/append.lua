-- Appends records to the stream of one key, and wakes the processes that follow it.
--
-- KEYS[1]  the stream
-- ARGV[1]  the channel of the key
-- ARGV[2]  the position that a sole writer expects to be the newest, or '' if others write too
-- ARGV[3]  how many records to retain, about
-- ARGV[4]  how old records may be, in milliseconds, or ''
-- ARGV[5]  after how many milliseconds the key is removed, or '' for never
-- then, for each record: its mark, its flags, its block or ''
--
-- Replies with one of
--   {'stored', <position>...}               all records
--   {'partly', <error>, <position>...}      the first records; the others failed
--   {'closed', <flags>}                     nothing: the log is closed
--   {'other writer', <position>}            nothing: the newest record is not the expected one
--
-- An end without a last event has the position of the record before it.
--
-- The common call appends one record behind another of this script, and is kept short: functions that are defined in each call and
-- values that are copied took a third of its time.

local FIRST = 6

local last = redis.pcall('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
if last.err then
    return last -- as it is: an error that is raised loses its code in old servers
end
local newest, found = '0-0-00000000', last[1]
if found then
    local fields, mark, flags = found[2], '', ''
    if fields[1] == 'm' and fields[3] == 'f' then
        mark, flags = fields[2], fields[4]
    else
        for i = #fields - 1, 1, -2 do
            if fields[i] == 'm' then
                mark = fields[i + 1]
            elseif fields[i] == 'f' then
                flags = fields[i + 1]
            end
        end
    end
    if #mark == 8 and string.find(mark, '^[0-9a-f]+$') then
        newest = found[1] .. '-' .. mark
    else
        -- A record of another program.
        newest, flags = found[1] .. '-00000000', ''
    end

    if ARGV[2] ~= '' and newest ~= ARGV[2] and mark == ARGV[#ARGV - 2] then
        -- The reply to this very call was lost, if all of its records are the newest.
        local count = (#ARGV - FIRST + 1) / 3
        local entries = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', count)
        local reply = { 'stored' }
        for i = 1, count do
            local entry, at = entries[count + 1 - i], FIRST + 3 * (i - 1)
            if not entry or entry[2][2] ~= ARGV[at] then
                reply = nil
                break
            end
            if ARGV[at + 2] == '' then
                reply[i + 1] = entry[2][6]
            else
                reply[i + 1] = entry[1] .. '-' .. ARGV[at]
            end
        end
        if reply then
            return reply
        end
    end
    if flags ~= '' and string.find(flags, 'e', 1, true) then
        return { 'closed', flags }
    end
    -- A key that is gone was removed, and has no other writer.
    if ARGV[2] ~= '' and newest ~= ARGV[2] then
        return { 'other writer', newest }
    end
end

-- From the first stored record on nothing may raise an error: it would say that nothing is stored.
local reply = { 'stored' }
for i = FIRST, #ARGV, 3 do
    local mark, block = ARGV[i], ARGV[i + 2]
    local id
    if i + 3 > #ARGV then
        id = redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'm', mark, 'f', ARGV[i + 1], 'p', newest, 'b', block)
    else
        id = redis.pcall('XADD', KEYS[1], '*', 'm', mark, 'f', ARGV[i + 1], 'p', newest, 'b', block)
    end
    if type(id) == 'table' then
        if i == FIRST then
            return id
        end
        reply[1] = 'partly'
        table.insert(reply, 2, id.err)
        break
    end
    local own = id .. '-' .. mark
    reply[#reply + 1] = block == '' and newest or own
    newest = own
end
if ARGV[4] ~= '' then
    local now = redis.pcall('TIME')
    local oldest = not now.err and now[1] * 1000 + math.floor(now[2] / 1000) - ARGV[4]
    if oldest and oldest > 0 then
        redis.pcall('XTRIM', KEYS[1], 'MINID', '~', string.format('%.0f', oldest))
    end
end
if ARGV[5] ~= '' then
    redis.pcall('PEXPIRE', KEYS[1], ARGV[5])
end
redis.pcall('PUBLISH', ARGV[1], newest)
return reply
