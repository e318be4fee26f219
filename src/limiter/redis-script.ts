import { createHash } from 'node:crypto'

/** A script that the server keeps by its hash, so that a call need not carry it. */
export interface Script {
  readonly text: string
  readonly sha: string
}

/**
 * A counter is a hash: `u` tokens used or held, `e` the end of the window in milliseconds of the server's clock, `l` those
 * held by nodes in advance as far as they have told, `r` the time until which none are handed out, after a recall.
 * The end doubles as the window's identity. Every key expires with its window.
 */
const readCounter = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local function read(key)
  local h = redis.call('HMGET', key, 'u', 'e', 'l', 'r')
  local e = tonumber(h[2] or nil)
  if not e or e <= now then return { u = 0, l = 0, r = 0 } end
  return { u = tonumber(h[1]), e = e, l = tonumber(h[3] or 0), r = tonumber(h[4] or 0) }
end
local function write(key, c)
  redis.call('HSET', key, 'u', c.u, 'e', string.format('%.0f', c.e), 'l', c.l, 'r', string.format('%.0f', c.r))
  if c.moved then redis.call('PEXPIREAT', key, string.format('%.0f', c.e)) end
end
`

/**
 * Checks all, then charges all, in one step. ARGV: `charge`, `peek` or `take`; for `take` the channel for recalls and the
 * one for what comes back; then per key requests, windowMs and cost (-1: does not fit), for `take` also waiting, extra,
 * window, covered and spent. A key may stand there twice.
 * Answers per key: fits, used, resetMs; for `take` also granted, window, and what others hold that would make it fit.
 */
export const chargeScript = script(`${readCounter}
local mode, stride, at = ARGV[1], 3, 1
if mode == 'take' then stride, at = 8, 3 end
local counters, judged, all = {}, {}, true
for i, key in ipairs(KEYS) do
  local requests, windowMs, cost = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local c = counters[key]
  if not c then
    c = read(key)
    c.need, c.covered, c.granted = 0, 0, 0
    counters[key] = c
  end
  if c.e and c.e - now > windowMs then
    c.e, c.moved = math.floor(now) + windowMs, true
  end
  local j = { c = c, requests = requests, windowMs = windowMs, others = 0, covered = 0 }
  if mode == 'take' and c.e and ARGV[at + 6] == string.format('%.0f', c.e) then
    local spent = tonumber(ARGV[at + 8])
    if spent > 0 then
      c.l, c.told = math.max(0, c.l - spent), true
    end
    j.covered = tonumber(ARGV[at + 7])
  end
  if mode == 'take' then
    j.waiting, j.extra = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  end
  local need = cost - j.covered
  j.fits = cost >= 0 and c.u + c.need + need <= requests
  if cost >= 0 then
    c.need = c.need + need
    c.covered = c.covered + j.covered
  end
  if not j.fits then
    all = false
    if cost >= 0 and c.u + c.need - (c.l - c.covered) <= requests then j.others = c.l - c.covered end
  end
  judged[i] = j
  at = at + stride
end
for i, key in ipairs(KEYS) do
  local j = judged[i]
  local c = j.c
  if all and mode ~= 'peek' and not c.done then
    c.done = true
    if not c.e then
      c.e, c.moved = math.floor(now) + j.windowMs, true
    end
    c.u = c.u + c.need
    c.l = math.max(0, c.l - c.covered)
    if mode == 'take' and c.r <= now then
      local left = math.max(0, j.requests - c.u)
      local asked = math.max(0, math.min(j.waiting, left))
      j.granted = asked + math.max(0, math.min(j.extra, math.floor((left - asked) / 8)))
      c.u = c.u + j.granted
      c.l = c.l + j.granted
    end
    write(key, c)
    if c.l == 0 and c.r > now and (c.told or c.covered > 0) then redis.call('PUBLISH', ARGV[3], key) end
  elseif not all and mode == 'take' then
    if j.others > 0 and c.r - now < 980 then
      c.r, c.told = math.floor(now) + 1000, true
      redis.call('PUBLISH', ARGV[2], key)
    end
    if c.told and c.e and not c.done then
      c.done = true
      write(key, c)
      if c.l == 0 and c.r > now then redis.call('PUBLISH', ARGV[3], key) end
    end
  end
end
local answer = {}
for i, j in ipairs(judged) do
  local c = j.c
  answer[#answer + 1] = j.fits and 1 or 0
  answer[#answer + 1] = c.u
  answer[#answer + 1] = c.e and math.max(0, math.floor(c.e - now)) or j.windowMs
  if mode == 'take' then
    answer[#answer + 1] = j.granted or 0
    answer[#answer + 1] = c.e and string.format('%.0f', c.e) or ''
    answer[#answer + 1] = j.others
  end
end
return answer
`)

/** Takes back what a node has not spent. ARGV: the channel for what comes back; then per key window, tokens and spent. */
export const giveBackScript = script(`${readCounter}
for i, key in ipairs(KEYS) do
  local at = 1 + (i - 1) * 3
  local c = read(key)
  if c.e and string.format('%.0f', c.e) == ARGV[at + 1] then
    local tokens, spent = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
    c.u = math.max(0, c.u - tokens)
    c.l = math.max(0, c.l - tokens - spent)
    write(key, c)
    if c.l == 0 and c.r > now then redis.call('PUBLISH', ARGV[1], key) end
  end
end
return 1
`)

function script(text: string): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}
