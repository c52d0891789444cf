-- Admits a request to several counts, or to none.
-- KEYS: for each count the times of its admissions, then its running requests.
-- ARGV: now and span in milliseconds, how long a running request is believed without a sign, the request's id, and for
-- each count its limit by the minute and at once (-1: none).
-- Answers {0 or 1 or 2, when to come again, limit, remaining, reset}: admitted, refused by rate, refused at once.
local now, span, lease, id = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local limit, remaining, reset = -1, -1, 0

local function standing(key, most)
  local used = redis.call('ZCARD', key)
  local newest = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')
  return math.max(most - used, 0), (tonumber(newest[2]) or (now - span)) + span, used
end

for index = 1, #KEYS / 2 do
  local times, running = KEYS[2 * index - 1], KEYS[2 * index]
  local per_minute, at_once = tonumber(ARGV[3 + 2 * index]), tonumber(ARGV[4 + 2 * index])
  if at_once >= 0 then
    redis.call('ZREMRANGEBYSCORE', running, '-inf', now)
  end
  local left, free_at, used = -1, 0, 0
  if per_minute >= 0 then
    redis.call('ZREMRANGEBYSCORE', times, '-inf', now - span)
    left, free_at, used = standing(times, per_minute)
  end
  if at_once >= 0 and redis.call('ZCARD', running) >= at_once then
    return { 2, 0, per_minute, left, free_at }
  end
  if per_minute >= 0 and left == 0 then
    local next = redis.call('ZRANGE', times, used - per_minute, used - per_minute, 'WITHSCORES')
    return { 1, (tonumber(next[2]) or (now - span)) + span, per_minute, 0, free_at }
  end
end

for index = 1, #KEYS / 2 do
  local times, running = KEYS[2 * index - 1], KEYS[2 * index]
  local per_minute, at_once = tonumber(ARGV[3 + 2 * index]), tonumber(ARGV[4 + 2 * index])
  if per_minute >= 0 then
    redis.call('ZADD', times, now, id)
    redis.call('PEXPIRE', times, span)
    local left, free_at = standing(times, per_minute)
    if remaining < 0 or left < remaining or (left == remaining and per_minute < limit) then
      limit, remaining, reset = per_minute, left, free_at
    end
  end
  if at_once >= 0 then
    redis.call('ZADD', running, now + lease, id)
    redis.call('PEXPIRE', running, lease)
  end
end
return { 0, 0, limit, remaining, reset }
