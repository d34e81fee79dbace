-- Ends a run: closes its log with the last event, and notes the end in the record.
--
-- KEYS[1]  the record of the key
-- KEYS[2]  the stream of the run
-- ARGV[1]  the stream without the id of the run
-- ARGV[2]  the id of the run
-- ARGV[3]  the letter of the end
-- ARGV[4]  the mark and the flags of the last record: '<mark> <flags>'
-- ARGV[5]  the block of the last event
-- ARGV[6]  the channel of the log
-- ARGV[7]  the channel of the run's signals
-- ARGV[8]  '1' if the run is ended only if its lease has expired, or ''
--
-- Replies with one of these:
--   {'now', <position>}         this call has ended the run
--   {'before', <letter>}        it had ended
--   {'leased', <milliseconds>}  its lease holds for this long
--   {'missing'}                 the key has no record of this run

local function main()
    local record, stream = KEYS[1], KEYS[2]
    local now = current_time()
    local run = find(record, ARGV[1])
    if not run or run.run ~= ARGV[2] then
        return { 'missing' }
    end
    if run['end'] then
        return { 'before', run['end'] }
    end
    if ARGV[8] ~= '' and run.lease_until > now then
        return { 'leased', lease_left(run, now) }
    end
    -- First the log, which fences off the owner. If this fails, nothing has happened.
    local total = text(run.total + #ARGV[5])
    local header = '1 ' .. ARGV[4] .. ' ' .. total .. ' ' .. run.trimmed .. ' ' .. run.newest
    local position = call('XADD', stream, '*', 'h', header, 'b', ARGV[5]) .. '-' .. string.sub(ARGV[4], 1, 8)
    -- The closed log is an end without this as well.
    redis.pcall('HSET', record, 'end', ARGV[3])
    redis.pcall('PUBLISH', ARGV[6], position)
    redis.pcall('PUBLISH', ARGV[7], '')
    redis.pcall('PEXPIRE', record, text(run.keep))
    redis.pcall('PEXPIRE', stream, text(run.keep))
    return { 'now', position }
end

return answer(main)
