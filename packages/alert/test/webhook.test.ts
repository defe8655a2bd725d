import type { IncomingWebhookSendArguments } from '@slack/webhook'
import fc from 'fast-check'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createFetch, type Fetch } from '@aplomb/pipeline'
import { respond } from '@aplomb/mock-api'
import { alert, slack, webhook, type Alert, type Sink } from '../src/index.ts'
import { slackMessage } from '../src/slack.ts'
import { API, URL_A, alerted } from './helpers.ts'

const ALERT: Alert = {
  id: 'abc-123',
  sequence: 1,
  condition: 'billing',
  state: 'firing',
  message: 'https://api.example.com wants to be paid: GET /v1/x was refused (402).',
  api: API,
  key: API,
  endpoint: 'GET /v1/x',
  since: '2026-11-22T12:00:00.000Z',
  at: '2026-11-22T12:00:00.000Z',
  evidence: '402',
}

interface Received {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: unknown
}

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

/** A receiver on a real port, which answers as it is told. */
const receiver = async (...answers: ((response: ServerResponse) => void)[]) => {
  const received: Received[] = []
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk: Buffer) => (text += chunk.toString()))
    request.on('end', () => {
      const { method, url, headers } = request
      received.push({ method, url, headers, body: JSON.parse(text) as unknown })
      answers[Math.min(received.length, answers.length) - 1]?.(response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(
    () => server.close(),
    () => server.closeAllConnections(),
  )
  return { received, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook/s3cretPath?t=s3cretQuery` }
}

const answer =
  (status: number, headers: Record<string, string> = {}, body = 'ok') =>
  (response: ServerResponse): void =>
    void response.writeHead(status, headers).end(body)

/** What the console heard, as people see it. */
const listening = () => {
  const report = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  return {
    heard: () => report.mock.calls.map((one) => one.map((part) => inspect(part, { depth: 10 })).join(' ')).join('\n'),
  }
}

const deliver = async (to: Sink): Promise<void> => {
  const { fetch, alerts } = alerted(respond(402), { to })
  await fetch(URL_A)
  await alerts.flush()
}

describe('11. delivery over real HTTP', () => {
  test('is repeated, as the receiver asks, with the same Idempotency-Key until it is taken', async () => {
    const busy = answer(503, { 'retry-after-ms': '20' })
    const { received, url } = await receiver(busy, busy, answer(200))
    const { heard } = listening()
    await deliver(webhook(url, { headers: { authorization: 'Bearer s3cretToken' } }))
    expect(received).toHaveLength(3)
    expect(received[2]).toMatchObject({
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer s3cretToken' },
      body: { condition: 'billing', state: 'firing', api: API, endpoint: 'GET /v1/lookup/:id', evidence: '402' },
    })
    expect(new Set(received.map(({ headers }) => headers['idempotency-key'])).size).toBe(1)
    expect(heard()).toBe('')
  })

  test('a receiver that hangs is given up, and the next alert goes out', async () => {
    const { received, url } = await receiver(() => undefined, answer(200))
    const { heard } = listening()
    const { fetch, alerts } = alerted(respond({ status: 402, times: 2 }), { to: webhook(url, { timeoutMs: 300 }) })
    await fetch(URL_A)
    await fetch('https://other.example.com/')
    await alerts.flush()
    expect(received.map(({ body }) => (body as Alert).api)).toEqual([API, 'https://other.example.com'])
    expect(heard()).toMatch(/^'aplomb: an alert was not delivered:' Error: webhook: no answer \(timeout\)/)
    expect(heard()).not.toMatch(/s3cret/)
    const keys = received.map(({ headers }) => headers['idempotency-key'])
    expect(keys[0]).not.toBe(keys[1])
  })

  test.each([
    ['refuses', answer(404, {}, 'no_service'), 'webhook: the answer was 404'],
    ['redirects', answer(302, { location: '/elsewhere' }), 'webhook: the answer was 302'],
    ['breaks off', (response: ServerResponse) => void response.socket?.destroy(), 'webhook: no answer (network)'],
  ])('a receiver that %s is reported, without its URL or the headers', async (_, how, message) => {
    const { received, url } = await receiver(how)
    const { heard } = listening()
    await deliver(webhook(url, { timeoutMs: 300, headers: { 'x-key': 's3cretHeader' } }))
    expect(received).toHaveLength(1)
    expect(heard()).toContain(message)
    expect(heard()).not.toMatch(/s3cret/)
  })

  test('so is one that is not there', async () => {
    const { url } = await receiver()
    for (const close of closing.splice(0)) close()
    const { heard } = listening()
    await deliver(slack(url, { timeoutMs: 300 }))
    expect(heard()).toContain('slack: no answer (network)')
    expect(heard()).not.toMatch(/s3cret/)
  })

  test('and a fetch whose errors repeat all that they got', async () => {
    const { heard } = listening()
    const fetch: Fetch = async (input, init) => {
      const { authorization } = Object.fromEntries(new Headers(init?.headers))
      const { url } = new Request(input)
      throw new TypeError(`fetch failed: ${url} ${authorization}`, { cause: new Error(url) })
    }
    await deliver(
      webhook('https://ops.test/s3cret', { fetch, timeoutMs: 1, headers: { authorization: 's3cretToken' } }),
    )
    expect(heard()).toContain('webhook: no answer (network)')
    expect(heard()).not.toMatch(/s3cret/)
  })
})

describe('11. delivery in time', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    if (vi.getTimerCount() > 0) throw new Error('a timer is left')
    vi.useRealTimers()
  })

  test('is tried with growing delays while there is time, and keeps no call waiting', async () => {
    const { heard } = listening()
    const at: number[] = []
    const began = performance.now()
    const hook: Fetch = async () => {
      at.push(Math.round((performance.now() - began) / 1000))
      return new Response(null, { status: 500 })
    }
    const { fetch, alerts } = alerted(respond({ status: 402, times: 2 }), {
      to: webhook('https://ops.test/', { fetch: hook }),
    })
    await fetch(URL_A)
    expect(performance.now()).toBe(began)
    const flushed = alerts.flush()
    await vi.advanceTimersByTimeAsync(120_000)
    await flushed
    expect(at.length).toBeGreaterThanOrEqual(6)
    expect(at.slice(0, 2)).toEqual([0, 1])
    expect(at.at(-1)).toBeGreaterThan(60)
    expect(heard()).toContain('webhook: the answer was 500')
  })

  test('as late as the receiver asks, and one key for each alert, however many there are of one moment', async () => {
    const hook = respond({ status: 429, headers: { 'retry-after': '45' } }, 200, 200)
    const sink = slack('https://hooks.slack.com/x', { fetch: hook })
    const sent = sink(ALERT)
    await vi.advanceTimersByTimeAsync(44_999)
    expect(hook.calls).toBe(1)
    await vi.advanceTimersByTimeAsync(6000)
    await sent
    await sink({ ...ALERT, sequence: 2, state: 'resolved' })
    const [first, second, third] = hook.requests.map(({ headers }) => headers.get('idempotency-key'))
    expect(second).toBe(first)
    expect(third).not.toBe(first)
  })

  test('an attempt that hangs is given up after ten seconds', async () => {
    let tries = 0
    const hook: Fetch = (_, init) =>
      ++tries > 1
        ? Promise.resolve(new Response())
        : new Promise((_resolve, reject) =>
            init?.signal?.addEventListener('abort', () => reject(init.signal?.reason as Error)),
          )
    const { fetch, alerts } = alerted(respond(402), { to: slack('https://hooks.slack.com/x', { fetch: hook }) })
    await fetch(URL_A)
    const flushed = alerts.flush()
    await vi.advanceTimersByTimeAsync(12_000)
    await flushed
    expect(tries).toBe(2)
  })

  test('answers are not left unread, and the global fetch is looked up late', async () => {
    const sink = webhook(new URL('https://ops.test/'))
    const hook = respond(200)
    vi.stubGlobal('fetch', hook)
    await sink(ALERT)
    expect([hook.calls, hook.unread]).toEqual([1, 0])
    expect(await hook.requests[0]?.text()).toBe(JSON.stringify(ALERT))
  })
})

describe('12. Slack', () => {
  const limits = (message: IncomingWebhookSendArguments): void => {
    for (const block of message.blocks ?? []) {
      if (block.type === 'header' && 'text' in block && typeof block.text === 'object')
        expect(block.text.text.length).toBeLessThanOrEqual(150)
      if (block.type !== 'section' || !('fields' in block || 'text' in block)) continue
      if ('text' in block && block.text) expect(block.text.text.length).toBeLessThanOrEqual(3000)
      const fields = ('fields' in block && block.fields) || []
      expect(fields.length).toBeLessThanOrEqual(10)
      for (const { text } of fields) expect(text.length).toBeLessThanOrEqual(2000)
    }
  }

  test('gets what an incoming webhook takes', async () => {
    const { received, url } = await receiver(answer(200))
    await slack(url)(ALERT)
    // By the types of Slack's own client.
    const expected: IncomingWebhookSendArguments = {
      text: '🔴 Payment required: https://api.example.com wants to be paid: GET /v1/x was refused (402).',
      blocks: [
        { type: 'header', text: { type: 'plain_text', text: '🔴 Payment required', emoji: true } },
        { type: 'section', text: { type: 'mrkdwn', text: ALERT.message } },
        {
          type: 'section',
          fields: [
            { type: 'mrkdwn', text: '*API*\nhttps://api.example.com' },
            { type: 'mrkdwn', text: '*Since*\n<!date^1795348800^{date_short} {time_secs}|2026-11-22T12:00:00.000Z>' },
            { type: 'mrkdwn', text: '*Endpoint*\nGET /v1/x' },
          ],
        },
        { type: 'context', elements: [{ type: 'mrkdwn', text: 'billing · abc-123' }] },
      ],
      unfurl_links: false,
      unfurl_media: false,
    }
    expect(received[0]?.body).toEqual(expected)
    expect(received[0]?.headers).toMatchObject({ 'content-type': 'application/json' })
  })

  test('hears of the end, too, of other keys, and of conditions of your own', () => {
    const message = JSON.stringify(
      slackMessage({ ...ALERT, state: 'resolved', condition: 'odd', key: 'tenant-7', endpoint: undefined }),
    )
    expect(message).toContain('🟢 Resolved: odd')
    expect(message).toContain('*Key*\\ntenant-7')
    expect(message).not.toContain('Endpoint')
  })

  test('nobody is mentioned by accident', () => {
    const message = '<!channel> <https://evil.example|click> & <@U1>'
    const payload = slackMessage({ ...ALERT, message, api: message, endpoint: message, condition: message })
    const safe = '&lt;!channel&gt; &lt;https://evil.example|click&gt; &amp; &lt;@U1&gt;'
    expect(payload.blocks[1]).toEqual({ type: 'section', text: { type: 'mrkdwn', text: safe } })
    const { blocks, text } = payload
    const formatted = [text, ...blocks.slice(1).map((block) => JSON.stringify(block))].join('\n')
    expect(formatted.replaceAll(/<!date\^\d+\^[^<>]*>/g, '')).not.toMatch(/[<>]/)
  })

  test('texts of any length and make stay within the limits, and are never cut amid a character or an escape', () => {
    const text = fc
      .oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('&', '<', '😀', 'a&'))
      .map((one) => one.repeat(3000))
    fc.assert(
      fc.property(text, fc.nat(5), (long, shift) => {
        const one = 'x'.repeat(shift) + long
        const payload = slackMessage({
          ...ALERT,
          message: one,
          api: one,
          key: `${one}k`,
          endpoint: one,
          condition: one,
        })
        limits(payload)
        expect(JSON.stringify(payload)).not.toMatch(/\\ud[89a-f]/i)
        expect(payload.text).not.toMatch(/&(?!amp;|lt;|gt;)/)
      }),
      { numRuns: 100 },
    )
  })
})

describe('13. no loop', () => {
  test('a webhook that is sent with the fetch that alerts is not watched', async () => {
    const { heard } = listening()
    const told: Alert[] = []
    const inner = respond({ status: 402, times: 20 })
    const alerts = alert({
      to: [(one) => void told.push(one), (one) => hook(one)],
      errorRate: { windowMs: 1000, minAttempts: 1 },
    })
    const fetch = createFetch([alerts], { fetch: inner })
    const hook = webhook('https://ops.test/hook', { fetch, timeoutMs: 50 })
    await fetch(URL_A)
    await alerts.flush()
    expect(told).toMatchObject([{ api: API, condition: 'billing' }])
    expect(inner.calls).toBe(2)
    expect(heard()).toContain('webhook: the answer was 402')
  })

  test.each<[string, (send: () => Promise<unknown>) => unknown]>([
    ['waits', (send) => send()],
    ['has something else to do before', async (send) => Promise.resolve().then(send)],
    ['waits for nothing', (send) => void send()],
  ])('nor does a callback that %s loop, whatever the cool-down', async (_, how) => {
    const told: Alert[] = []
    const inner = respond({ status: 402, times: 20 })
    const alerts = alert({
      coolDownMs: 0,
      to: (one) => {
        told.push(one)
        return how(() => fetch('https://ops.test/hook', { method: 'POST', body: one.message }))
      },
    })
    const fetch: Fetch = createFetch([alerts], { fetch: inner })
    for (let i = 1; i < 4; i++) {
      await fetch(URL_A)
      // Long enough for a loop to go round.
      for (let turn = 0; turn < 1000; turn++) await alerts.flush()
      // Each of the API's own is told, as was asked for; of the hook's the first.
      expect(told.map(({ api }) => api)).toEqual([API, 'https://ops.test', ...Array(i - 1).fill(API)])
      expect(inner.calls).toBe(1 + 2 * i)
    }
  })

  test('a callback that does so alerts once more, and no further', async () => {
    const told: Alert[] = []
    const inner = respond({ status: 402, times: 20 })
    const fetch: Fetch = createFetch(
      [
        alert({
          to: async (one) => {
            told.push(one)
            await fetch('https://ops.test/hook', { method: 'POST', body: one.message })
          },
        }),
      ],
      { fetch: inner },
    )
    await fetch(URL_A)
    await vi.waitFor(() => expect(inner.calls).toBe(3))
    expect(told.map(({ api }) => api)).toEqual([API, 'https://ops.test'])
  })
})

describe('16. arguments that make no sense', () => {
  test.each([
    [() => webhook('s3cret'), TypeError, 'webhook: url must be an http or https URL'],
    [() => slack(undefined as unknown as string), TypeError, 'slack: url must be an http or https URL'],
    [() => slack('ftp://s3cret/'), TypeError, 'slack: url must be an http or https URL'],
    [
      () => webhook('https://me:s3cret@ops.test/'),
      TypeError,
      'webhook: url must hold no user or password: use the option headers',
    ],
    [
      () => webhook('https://ops.test/', { headers: { 'x-key': 's3cret\nx' } }),
      RangeError,
      'webhook: headers must be an object with names and values of headers, got object',
    ],
    [
      () => webhook('https://ops.test/', { timeoutMs: 0 }),
      RangeError,
      'webhook: timeoutMs must be a number of milliseconds, above 0 and at most 2147483647, got 0',
    ],
    [
      () => webhook('https://ops.test/', { fetch: 1 as unknown as Fetch }),
      TypeError,
      'webhook: fetch must be a function, got 1',
    ],
  ])('%#', (make, type, message) => {
    expect(make).toThrow(type)
    expect(make).toThrow(message)
    try {
      make()
    } catch (error) {
      expect(inspect(error, { depth: 10 }).split('\n')[0]).not.toContain('s3cret')
    }
  })
})
