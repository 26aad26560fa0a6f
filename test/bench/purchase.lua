-- wrk: single purchases of random members, every one new. MEMBERS, PREFIX and KEY come from the environment.
local members = tonumber(os.getenv("MEMBERS") or "20000")
local prefix = os.getenv("PREFIX") or "C-"
local run = os.getenv("RUN") or tostring(os.time())
local thread_n = 0
function setup(thread)
    thread:set("id", thread_n)
    thread_n = thread_n + 1
end
function init(args)
    math.randomseed(os.time() + id * 7919)
    n = 0
    wrk.method = "POST"
    wrk.headers["Content-Type"] = "application/json"
    wrk.headers["Authorization"] = "Bearer " .. os.getenv("KEY")
    now = os.date("!%Y-%m-%dT%H:%M:%SZ", os.time() - 5)
end
function request()
    n = n + 1
    local amount = math.random(100, 8000)
    local half = math.floor(amount / 2)
    local body = string.format(
        '{"specversion":"1.0","id":"%s-%d-%d","source":"pos/7","type":"purchase","time":"%s","subject":"ext:%s%d","data":{"amount":%d,"currency":"EUR","store":"ams-1","channel":"store","lines":[{"id":"1","sku":"SKU-1","name":"Beans 1kg","category":"coffee","quantity":"2","amount":%d,"tax":9},{"id":"2","sku":"SKU-2","name":"Filter","category":"supplies","quantity":1,"amount":%d,"tax":0}],"payments":[{"method":"card","amount":%d}]}}',
        run, id, n, now, prefix, math.random(0, members - 1), amount, half, amount - half, amount)
    return wrk.format(nil, "/v1/events", nil, body)
end
function response(status)
    if status ~= 201 then bad = (bad or 0) + 1 end
end
