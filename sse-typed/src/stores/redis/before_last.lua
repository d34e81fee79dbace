-- Finds the position before the newest events of a stream.
--
-- KEYS[1]  the stream
-- ARGV[1]  how many events
-- ARGV[2]  the entry to begin at, or '+'
--
-- Replies with {<position>, <events>, <entry>}: the position before the n-th newest event, or before the oldest if there are fewer, or ''
-- if there is none. If the search is not over, the position is that before the events that were counted, and the next call looks for so
-- many events from the entry on. Else the entry is ''.

local PAGE = 64

-- How many pages one call reads. Meanwhile the server does nothing else.
local PAGES = 8

-- The position before an event, or nil if the entry is none.
local function before_event(entry)
    local fields = entry[2]
    if fields[1] == 'h' and fields[3] == 'b' and fields[4] ~= '' then
        return string.match(fields[2], '^1 [0-9a-f]+ [%a-]+ %d+ %d+ ([^ ]+)$')
    end
end

local wanted = tonumber(ARGV[1])
local before = ''
if wanted >= redis.call('XLEN', KEYS[1]) then
    local from = '-'
    while true do
        local page = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', PAGE)
        for _, entry in ipairs(page) do
            local found = before_event(entry)
            if found then
                return { found, 0, '' }
            end
        end
        if #page < PAGE then
            return { before, 0, '' }
        end
        from = '(' .. page[#page][1]
    end
end
local to = ARGV[2]
for _ = 1, PAGES do
    local page = redis.call('XREVRANGE', KEYS[1], to, '-', 'COUNT', math.min(PAGE, wanted))
    if #page == 0 then
        return { before, 0, '' }
    end
    for _, entry in ipairs(page) do
        local found = before_event(entry)
        if found then
            before = found
            wanted = wanted - 1
        end
    end
    if wanted == 0 then
        return { before, 0, '' }
    end
    to = '(' .. page[#page][1]
end
return { before, wanted, to }
