-- Finds the run of a key, and may change it.
--
-- KEYS[1]  the record of the key
-- ARGV[1]  the stream of a run of the key, without the id of the run
-- ARGV[2]  its channel, without the id of the run
-- ARGV[3]  'find', 'stop' to ask the run to stop, or 'release' to let its lease expire now
-- ARGV[4]  the id of the run that is changed
--
-- Replies with {'found', <run>}, or {'missing'} if there is none, or only another one than is to be changed.

local function main()
    local record, change = KEYS[1], ARGV[3]
    local now = current_time()
    local run = find(record, ARGV[1])
    if not run or (change ~= 'find' and run.run ~= ARGV[4]) then
        return { 'missing' }
    end
    if run['end'] then
        return { 'found', describe(run, now) }
    end
    if change == 'stop' then
        call('HSET', record, 'stop', '1')
        run.stop = '1'
        redis.pcall('PUBLISH', ARGV[2] .. run.run .. '!', '')
    elseif change == 'release' then
        run.lease_until = math.min(run.lease_until, now)
        call('HSET', record, 'lease_until', text(run.lease_until))
        expire(record, run.stream, run.keep)
    end
    return { 'found', describe(run, now) }
end

return answer(main)
