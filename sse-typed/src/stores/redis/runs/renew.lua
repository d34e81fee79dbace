-- Renews the leases of a process's runs, and looks at runs that the process reads.
--
-- KEYS     the records of the runs: first those of the process, then those that it reads
-- ARGV[1]  the name of the process
-- ARGV[2]  the lease in milliseconds
-- ARGV[3]  how many of the runs are of the process
-- then, for each run: its stream without the id of the run, and the id
--
-- Replies with an array that has one of these for each run:
--   'missing'                 the record is of another run, or there is none that this script can read
--   'ended <letter>'          the run has ended
--   'held', 'held stop', 'held read', 'held stop read'
--                             the lease is renewed; somebody asked the run to stop; another process reads it
--   'running <milliseconds>'  the run is read, and its lease holds for this long

local READER = 'r:'

-- Whether another process reads a run. Processes that do not count any more are removed from the record.
local function is_read_elsewhere(record, run, now)
    local is_read = false
    for field, until_when in pairs(run) do
        if string.sub(field, 1, #READER) == READER then
            if (tonumber(until_when) or 0) <= now then
                call('HDEL', record, field)
            elseif string.sub(field, #READER + 1) ~= ARGV[1] then
                is_read = true
            end
        end
    end
    return is_read
end

local function look(i, is_own, now, lease)
    local record, streams, id = KEYS[i], ARGV[2 + 2 * i], ARGV[3 + 2 * i]
    -- The streams are not read, because their newest events may be large. Whoever closes one notes it in the record.
    local run = load(record)
    if not run or run.run ~= id then
        return 'missing'
    end
    if run['end'] then
        return 'ended ' .. run['end']
    end
    if not is_own then
        call('HSET', record, READER .. ARGV[1], text(now + lease))
        return 'running ' .. lease_left(run, now)
    end
    local is_read = is_read_elsewhere(record, run, now)
    call('HSET', record, 'lease_until', text(now + lease))
    expire(record, streams .. id, lease + run.keep)
    return 'held' .. (run.stop and ' stop' or '') .. (is_read and ' read' or '')
end

local function main()
    local lease, own = tonumber(ARGV[2]), tonumber(ARGV[3])
    local now = current_time()
    local reply = {}
    for i = 1, #KEYS do
        local succeeded, outcome = pcall(look, i, i <= own, now, lease)
        if not succeeded then
            -- One record that cannot be read must not end the leases of the others.
            local reply = type(outcome) == 'table' and outcome.reply or {}
            local failure = type(outcome) == 'table' and outcome.failure or {}
            local is_unreadable = reply[1] == 'damaged'
                or reply[1] == 'newer format'
                or string.find(failure.err or '', '^%-?WRONGTYPE')
            if not is_unreadable then
                error(outcome, 0)
            end
            outcome = 'missing'
        end
        reply[i] = outcome
    end
    return reply
end

return answer(main)
