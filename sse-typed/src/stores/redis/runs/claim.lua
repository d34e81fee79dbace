-- Makes the record of a run, if its key has none or if the run that has it may be replaced.
--
-- KEYS[1]  the record of the key
-- KEYS[2]  the index of all keys that have runs
-- ARGV[1]  the key
-- ARGV[2]  the stream of a run of the key, without the id of the run
-- ARGV[3]  its channel, without the id of the run
-- ARGV[4]  the record of a key, without the key
-- ARGV[5]  the id of the new run
-- ARGV[6]  the run that may be replaced, or ''
-- ARGV[7]  the owner
-- ARGV[8]  the lease in milliseconds
-- ARGV[9]  how long the run is kept after its end, in milliseconds
-- ARGV[10] the hash of the input, or ''
--
-- Replies with {'started', <run>} or {'exists', <run>}.

-- How many keys of the index a claim looks at, to remove those whose records have expired. With this many, a quarter of the
-- index at most is of runs that are gone, on average, if runs are never listed.
local LOOKS = 4

local function main()
    local record, index, key, streams, channels = KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3]
    local id, replaces, lease, keep = ARGV[5], ARGV[6], tonumber(ARGV[8]), tonumber(ARGV[9])
    local now = current_time()
    local run = find(record, streams)
    if run then
        if run.run == id and not run['end'] then
            -- The reply to the claim was lost.
            run.lease_until = now + lease
            call('HSET', record, 'lease_until', text(run.lease_until))
            expire(record, run.stream, lease + run.keep)
            return { 'started', describe(run, now) }
        end
        if run.run == id or not run['end'] or run.run ~= replaces then
            return { 'exists', describe(run, now) }
        end
    end
    -- First, so that no run is missing in the index. One too many there does no harm.
    call('ZADD', index, 0, key)
    if run then
        call('UNLINK', record, run.stream)
        redis.pcall('PUBLISH', channels .. run.run, '')
        redis.pcall('PUBLISH', channels .. run.run .. '!', '')
    end
    call('HSET', record, 'v', '1', 'run', id, 'since', text(now), 'owner', ARGV[7],
        'lease_until', text(now + lease), 'keep', text(keep))
    if ARGV[10] ~= '' then
        call('HSET', record, 'input', ARGV[10])
    end
    call('PEXPIRE', record, text(lease + keep))
    local members = redis.pcall('ZRANDMEMBER', index, LOOKS)
    for _, member in ipairs(members) do
        if member ~= key and redis.pcall('EXISTS', ARGV[4] .. member) == 0 then
            redis.pcall('ZREM', index, member)
        end
    end
    local new = { run = id, since = text(now), owner = ARGV[7], input = ARGV[10], lease_until = now + lease, last = '' }
    return { 'started', describe(new, now) }
end

return answer(main)
