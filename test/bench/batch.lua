-- wrk: batches of 500 new purchases of random members. MEMBERS, PREFIX and KEY come from the environment.
local members = tonumber(os.getenv("MEMBERS") or "20000")
local prefix = os.getenv("PREFIX") or "C-"
local run = os.getenv("RUN") or tostring(os.time())
function init(args)
    math.randomseed(os.time())
    n = 0
    wrk.method = "POST"
    wrk.headers["Content-Type"] = "application/json"
    wrk.headers["Authorization"] = "Bearer " .. os.getenv("KEY")
    now = os.date("!%Y-%m-%dT%H:%M:%SZ", os.time() - 5)
end
function request()
    local parts = {}
    for i = 1, 500 do
        n = n + 1
        local amount = math.random(100, 8000)
        local half = math.floor(amount / 2)
        parts[i] = string.format(
            '{"specversion":"1.0","id":"%s-%d","source":"pos/7","type":"purchase","time":"%s","subject":"ext:%s%d","data":{"amount":%d,"currency":"EUR","store":"ams-1","channel":"store","lines":[{"id":"1","sku":"SKU-1","name":"Beans 1kg","category":"coffee","quantity":"2","amount":%d,"tax":9},{"id":"2","sku":"SKU-2","name":"Filter","category":"supplies","quantity":1,"amount":%d,"tax":0}]}}',
            run, n, now, prefix, math.random(0, members - 1), amount, half, amount - half)
    end
    return wrk.format(nil, "/v1/events/batch", nil, "[" .. table.concat(parts, ",") .. "]")
end
