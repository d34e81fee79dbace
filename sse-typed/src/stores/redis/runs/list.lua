-- Lists runs in the order of their keys.
--
-- KEYS[1]  the index of all keys that have runs
-- ARGV[1]  with what the keys begin
-- ARGV[2]  the key after which the list begins, or ''
-- ARGV[3]  how many keys of the index to look at
-- ARGV[4]  the record of a key, without the key
-- ARGV[5]  the stream of a run, without the key and the run
--
-- Replies with {'listed', <key>, {<key>, <run>}...}. The first key is that after which the list goes on, or '' if it is over.

local function main()
    local index, prefix, most = KEYS[1], ARGV[1], tonumber(ARGV[3])
    local now = current_time()
    local from = ARGV[2] == '' and '[' .. prefix or '(' .. ARGV[2]
    local members = call('ZRANGE', index, from, '+', 'BYLEX', 'LIMIT', 0, most)
    local reply = { 'listed', '' }
    for i = 1, #members do
        local key = members[i]
        if string.sub(key, 1, #prefix) ~= prefix then
            return reply
        end
        local run = find(ARGV[4] .. key, ARGV[5] .. key .. '@')
        if run then
            reply[#reply + 1] = { key, describe(run, now) }
        else
            redis.pcall('ZREM', index, key)
        end
    end
    if #members == most then
        reply[2] = members[most]
    end
    return reply
end

return answer(main)
