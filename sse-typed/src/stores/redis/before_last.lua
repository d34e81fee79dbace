-- Finds the position before the newest events of a stream.
--
-- KEYS[1]  the stream
-- ARGV[1]  how many events
--
-- Replies with the position before the n-th newest event, or before the oldest if there are fewer, or '' if there is none.

local PAGE = 64

local function field(entry, name)
    local fields = entry[2]
    for i = 1, #fields, 2 do
        if fields[i] == name then
            return fields[i + 1]
        end
    end
    return ''
end

local function is_event(entry)
    return field(entry, 'm') ~= '' and field(entry, 'p') ~= '' and field(entry, 'b') ~= ''
end

local wanted = tonumber(ARGV[1])
local before = ''
if wanted >= redis.call('XLEN', KEYS[1]) then
    local from = '-'
    while true do
        local page = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', PAGE)
        for _, entry in ipairs(page) do
            if is_event(entry) then
                return field(entry, 'p')
            end
        end
        if #page < PAGE then
            return before
        end
        from = '(' .. page[#page][1]
    end
end
local to = '+'
while wanted > 0 do
    local page = redis.call('XREVRANGE', KEYS[1], to, '-', 'COUNT', math.min(PAGE, wanted))
    if #page == 0 then
        break
    end
    for _, entry in ipairs(page) do
        if is_event(entry) then
            before = field(entry, 'p')
            wanted = wanted - 1
        end
    end
    to = '(' .. page[#page][1]
end
return before
