-- Appends records to the streams of one or more keys, and wakes the processes that follow them.
--
-- KEYS     the streams, and then the records of the runs whose logs are among them
-- ARGV[1]  how many records to retain, about
-- ARGV[2]  how many bytes of events to retain, about
-- ARGV[3]  how old records may be, in milliseconds, or ''
-- ARGV[4]  after how many milliseconds a key is removed, or '' for never
-- ARGV[5]  the number of streams
-- then, for each key:
--     its channel
--     the id of the run whose log it is, or ''
--     the position that a sole writer expects to be the newest, or '' if others write too
--     the number of records
--     for each record: its mark and flags ('<mark> <flags>'), and its block or ''
--
-- Replies with an array that has one of these for each key:
--   <position>                              its only record is stored
--   {'stored', <position>...}               all records are stored
--   {'partly', <error>, <position>...}      the first records are stored; the others failed
--   {'failed', <error>}                     nothing is stored
--   {'closed', <flags>}                     nothing is stored: the log is closed
--   {'other writer', <position>}            nothing is stored: the newest record is not the expected one
--   {'no run'}                              nothing is stored: the record is not of this run
--   {'newer format', <format>}              nothing is stored: the newest record has a format that this script does not know
--
-- A record is an entry with the fields h, its header, and b, its block. The header is
--     <format> <mark> <flags> <total> <trimmed> <position of the record before it>
-- Total is how many bytes of events were ever appended to the stream, with this record. Trimmed is how many of them are no longer
-- retained, at least. An end without a last event has an empty block, and the position of the record before it.
--
-- Nothing may raise an error, which would say that nothing is stored. The common call appends one record behind another of this
-- script, and is kept short: functions that are defined in each call and values that are copied took a third of its time.

-- A mark has 8 digits, which the pattern does not say.
local HEADER = '^1 ([0-9a-f]+) ([%a-]+) (%d+) (%d+) '

-- How many of the oldest records one call removes from a key to keep to the limit of bytes, and after how many bytes of records of all
-- keys it stops. The next calls go on. A call has up to half as many bytes of new events.
-- It reads a few at a time: large events may follow small ones, and all that are read at a time are in memory.
local MOST_TRIMMED, MOST_READ, MOST_AT_A_TIME = 127, 2097152, 8

-- What a record counts in addition to its event, for the time that it takes.
local RECORD_SIZE = 512

-- A larger total is counted anew. From 1e14 on the text of a number has an exponent.
local LARGEST = 9e13

local most, most_bytes, oldest_id = ARGV[1], tonumber(ARGV[2]), nil
-- Trimming begins once a sixteenth more is retained, so that it removes several records at once.
local trim_above = most_bytes + most_bytes / 16
if ARGV[3] ~= '' then
    local now = redis.pcall('TIME')
    local oldest = not now.err and now[1] * 1000 + math.floor(now[2] / 1000) - ARGV[3]
    if oldest and oldest > 0 then
        oldest_id = string.format('%.0f', oldest)
    end
end

local streams = tonumber(ARGV[5])
local reply, next_key, next_record, bytes_read = {}, 6, streams + 1, 0
for k = 1, streams do
    local key, at = KEYS[k], next_key
    local channel, run, expected, count = ARGV[at], ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3])
    at = at + 4
    next_key = at + 2 * count

    local newest, total, trimmed = '0-0-00000000', 0, '0'
    -- What this key is answered, and how many of its records are stored.
    local answer, stored = nil, 0
    local record
    if run ~= '' then
        record, next_record = KEYS[next_record], next_record + 1
        local id = redis.pcall('HGET', record, 'run')
        if type(id) == 'table' and id.err then
            answer = { 'failed', id.err }
        elseif id ~= run then
            answer = { 'no run' }
        end
    end
    local last = not answer and redis.pcall('XREVRANGE', key, '+', '-', 'COUNT', 1) or {}
    local found = last[1]
    if last.err then
        answer = { 'failed', last.err }
    elseif found then
        local fields = found[2]
        local header = fields[1] == 'h' and fields[2] or ''
        local mark, flags, all, gone = string.match(header, HEADER)
        if mark and #mark == 8 then
            newest, total, trimmed = found[1] .. '-' .. mark, tonumber(all), gone
        else
            local format = string.match(header, '^(%d+) ')
            if format and format ~= '1' then
                answer = { 'newer format', format }
            end
            -- A record of another program. The total is in a record before it, or is counted anew.
            newest, mark, flags = found[1] .. '-00000000', '', ''
            local recent = redis.pcall('XREVRANGE', key, '+', '-', 'COUNT', 16)
            for i = 2, #recent do
                local _, _, all, gone = string.match(recent[i][2][1] == 'h' and recent[i][2][2] or '', HEADER)
                if all then
                    total, trimmed = tonumber(all), gone
                    break
                end
            end
        end
        if total > LARGEST then
            total = 0
        end
        if total - trimmed < 0 then
            trimmed = '0'
        end

        if expected ~= '' and newest ~= expected and not answer then
            -- The reply to this very call was lost if its first records are the newest. The others are appended now.
            for i = count, 1, -1 do
                if string.sub(ARGV[at + 2 * (i - 1)], 1, 8) == mark then
                    local entries = redis.pcall('XREVRANGE', key, '+', '-', 'COUNT', i)
                    answer, stored = { 'stored' }, i
                    for j = 1, i do
                        local entry, head = entries[i + 1 - j], ARGV[at + 2 * (j - 1)]
                        local header = entry and entry[2][2] or ''
                        if string.sub(header, 3, 2 + #head) ~= head then
                            answer, stored = nil, 0
                            break
                        end
                        if ARGV[at + 2 * j - 1] == '' then
                            answer[j + 1] = string.match(header, '[^ ]*$')
                        else
                            answer[j + 1] = entry[1] .. '-' .. string.sub(head, 1, 8)
                        end
                    end
                    break
                end
            end
        end
        if answer then
            -- It stays.
        elseif string.find(flags, 'e', 1, true) then
            answer = { 'closed', flags }
        elseif expected ~= '' and newest ~= expected then
            -- A key that is gone was removed, and has no other writer.
            answer = { 'other writer', newest }
        end
    end

    if not answer or (stored > 0 and stored < count) then
        local total_after = total
        for i = stored + 1, count do
            total_after = total_after + #ARGV[at + 2 * i - 1]
        end

        -- How many of the oldest records go, of how many.
        local surplus, length = 0, 0
        if total_after - trimmed > trim_above and bytes_read <= MOST_READ then
            length = redis.pcall('XLEN', key)
            local from, step, is_over = '-', 1, false
            while not is_over and surplus + step <= MOST_TRIMMED and bytes_read <= MOST_READ do
                local oldest = redis.pcall('XRANGE', key, from, '+', 'COUNT', step)
                for i = 1, #oldest do
                    local fields = oldest[i][2]
                    local _, _, all = string.match(fields[1] == 'h' and fields[2] or '', HEADER)
                    local size = #(fields[4] or '')
                    all, bytes_read = tonumber(all), bytes_read + size + RECORD_SIZE
                    if all and all <= total_after then
                        local before = all - size
                        if total_after - before <= most_bytes then
                            trimmed, is_over = before, true
                            break
                        end
                        trimmed = all
                    end
                    surplus = surplus + 1
                end
                if #oldest < step then
                    break
                end
                from, step = '(' .. oldest[step][1], math.min(step * 2, MOST_AT_A_TIME)
            end
        end

        local stored_before = stored
        for i = stored + 1, count do
            local head, block = ARGV[at + 2 * (i - 1)], ARGV[at + 2 * i - 1]
            total = total + #block
            local header = '1 ' .. head .. ' ' .. total .. ' ' .. trimmed .. ' ' .. newest
            local id
            if i == count then
                id = redis.pcall('XADD', key, 'MAXLEN', '~', most, '*', 'h', header, 'b', block)
            else
                id = redis.pcall('XADD', key, '*', 'h', header, 'b', block)
            end
            if type(id) == 'table' then
                if i == 1 then
                    answer = { 'failed', id.err }
                else
                    answer[1] = 'partly'
                    table.insert(answer, 2, id.err)
                end
                break
            end
            local position = id .. '-' .. string.sub(head, 1, 8)
            local returned = block == '' and newest or position
            if count == 1 then
                answer = returned
            else
                answer = answer or { 'stored' }
                answer[i + 1] = returned
            end
            newest, stored = position, i
        end

        local added = stored - stored_before
        if surplus > 0 and added > 0 and tonumber(length) then
            redis.pcall('XTRIM', key, 'MAXLEN', '=', length - surplus + added)
        end
        if oldest_id then
            redis.pcall('XTRIM', key, 'MINID', '~', oldest_id)
        end
        if stored > 0 then
            if ARGV[4] ~= '' then
                redis.pcall('PEXPIRE', key, ARGV[4])
            elseif record and not found then
                -- The log of a run is removed with the record. Later renewals set both times.
                local left = tonumber(redis.pcall('PTTL', record))
                if left and left > 0 then
                    redis.pcall('PEXPIRE', key, left)
                end
            end
            local letter = record and stored == count and string.match(ARGV[next_key - 2], ' t?e(.*)$')
            if letter then
                -- The owner has closed the log of its run. Without this, the next look at the record notes it.
                local keep = redis.pcall('HGET', record, 'keep')
                redis.pcall('HSET', record, 'end', letter)
                redis.pcall('PEXPIRE', record, keep)
                redis.pcall('PEXPIRE', key, keep)
            end
            redis.pcall('PUBLISH', channel, newest)
        end
    end
    reply[k] = answer
end
return reply
