-- What the scripts of runs have in common. The text of each script follows this one.
--
-- The record of a run is a hash with the fields
--     v            the format of the record: 1
--     run          the id of the run
--     since        when it was claimed, in milliseconds since 1970 by the clock of the server, as all times
--     owner        the process that claimed it
--     input        the hash of its input in hexadecimal digits, if it has one
--     lease_until  when its lease expires
--     keep         how many milliseconds it is kept after the end
--     stop         1 once it was asked to stop
--     end          how it ended, by the letter of the end, once it has
--     r:<process>  until when this process counts as a reader
--
-- The names of streams and channels depend on the id of the run, so a script makes them from a text that ends in '<key>@'.
-- Each script may also reply {'damaged', <record>}, {'newer format', <format>} or {'missing right', <command>, <error>}.

-- Ends the script with this reply.
local function reply_with(...)
    error({ reply = { ... } }, 0)
end

-- Runs a command. If it fails, its error is the reply of the script.
local function call(command, ...)
    local reply = redis.pcall(command, ...)
    if type(reply) == 'table' and reply.err then
        -- Only some versions of the server begin the error of a missing right with its code.
        for _, sign in ipairs({ 'NOPERM', 'The user executing the script', 'ACL failure in script' }) do
            if string.find(reply.err, sign, 1, true) then
                reply_with('missing right', command, reply.err)
            end
        end
        -- Not the error itself: the pcall of Redis makes a text of it.
        error({ failure = reply }, 0)
    end
    return reply
end

-- The reply of a script.
local function answer(main)
    local succeeded, outcome = pcall(main)
    if succeeded then
        return outcome
    end
    if type(outcome) == 'table' then
        return outcome.reply or outcome.failure
    end
    error(outcome, 0)
end

local function text(number)
    return string.format('%.0f', number)
end

local function current_time()
    local time = call('TIME')
    return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Removes a record and the stream of its run after this time.
local function expire(record, stream, millis)
    call('PEXPIRE', record, text(millis))
    call('PEXPIRE', stream, text(millis))
end

local function is_number(digits)
    return digits and #digits <= 15 and string.find(digits, '^%d+$')
end

-- The fields of a record, or nil if there is none.
local function load(record)
    local all = call('HGETALL', record)
    if #all == 0 then
        return nil
    end
    local run = {}
    for i = 1, #all, 2 do
        run[all[i]] = all[i + 1]
    end
    local format = run.v or ''
    if format ~= '1' and string.find(format, '^%d+$') then
        reply_with('newer format', format)
    end
    local id = run.run or ''
    local is_whole = format == '1' and #id == 16 and string.find(id, '^[0-9a-f]+$') and run.owner
    if not (is_whole and is_number(run.since) and is_number(run.lease_until) and is_number(run.keep)) then
        reply_with('damaged', record)
    end
    run.lease_until, run.keep = tonumber(run.lease_until), tonumber(run.keep)
    return run
end

-- Notes the newest record of the stream of a run: its position, the position after the newest event, the end that closes the
-- log, and the two numbers of its header.
local function read_newest(run)
    run.newest, run.last, run.closed, run.total, run.trimmed = '0-0-00000000', '', nil, 0, '0'
    local entry = call('XREVRANGE', run.stream, '+', '-', 'COUNT', 1)[1]
    if not entry then
        return
    end
    local fields = entry[2]
    local header = fields[1] == 'h' and fields[2] or ''
    local mark, flags, total, trimmed, before =
        string.match(header, '^1 ([0-9a-f]+) ([%a-]+) (%d+) (%d+) ([^ ]+)$')
    if not mark or #mark ~= 8 then
        local format = string.match(header, '^(%d+) ')
        if format and format ~= '1' then
            reply_with('newer format', format)
        end
        -- A record of another program.
        run.newest = entry[1] .. '-00000000'
        run.last = run.newest
        return
    end
    run.newest, run.total, run.trimmed = entry[1] .. '-' .. mark, tonumber(total), trimmed
    run.closed = string.match(flags, 'e(.*)$')
    run.last = (run.closed and fields[4] == '') and before or run.newest
end

-- The run of a record, or nil if there is none. A run has ended when its log is closed, also by its owner alone.
local function find(record, streams)
    local run = load(record)
    if not run then
        return nil
    end
    run.stream = streams .. run.run
    read_newest(run)
    if not run['end'] and run.closed then
        run['end'] = run.closed
        -- The answer is true whether this succeeds or not.
        redis.pcall('HSET', record, 'end', run.closed)
        redis.pcall('PEXPIRE', record, text(run.keep))
        redis.pcall('PEXPIRE', run.stream, text(run.keep))
    end
    return run
end

-- How long the lease of a run holds.
local function lease_left(run, now)
    return text(math.max(run.lease_until - now, 0))
end

-- What a reply says about a run.
local function describe(run, now)
    return {
        run.run,
        run.since,
        run.owner,
        run.input or '',
        lease_left(run, now),
        run.stop or '',
        -- An end without a letter is an end as well.
        run['end'] and 'e' .. run['end'] or '',
        run.last,
    }
end
