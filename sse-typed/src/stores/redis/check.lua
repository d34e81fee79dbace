-- Tries the commands that a store uses, on a key and a channel that no log has.
--
-- KEYS[1]  the key
-- ARGV[1]  the channel
--
-- Replies with {<command>, <error>} of the first that the user may not run, or {'PUBLISH', ''}.

local function try(command, ...)
    local reply = redis.pcall(command, ...)
    if type(reply) == 'table' and reply.err then
        return { command, reply.err }
    end
end

return try('XADD', KEYS[1], '*', 'h', '')
    or try('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
    or try('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)
    or try('XLEN', KEYS[1])
    or try('XTRIM', KEYS[1], 'MAXLEN', '~', 1)
    or try('TIME')
    or try('PEXPIRE', KEYS[1], 1000)
    or try('UNLINK', KEYS[1])
    or try('PUBLISH', ARGV[1], '')
    or { 'PUBLISH', '' }
