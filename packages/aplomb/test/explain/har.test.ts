import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { explainEntry, explainHar, type EndpointSummary, formatHarSummary, parseHar } from '../../src/explain/index.ts'

const START = Date.UTC(2026, 0, 15, 12)

interface Exchange {
  /** When it was sent, in seconds. */
  readonly at: number
  readonly status?: number
  readonly method?: string
  readonly url?: string
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly answer?: object | string
}

const pairs = (headers: object): object[] =>
  Object.entries(headers).map(([name, value]) => ({ name, value: value as string }))

/** Each takes 100 ms. */
const entry = ({
  at,
  status = 200,
  method = 'GET',
  url = 'https://api.test/v1/items',
  body,
  headers = {},
  answer = {},
}: Exchange): object => ({
  startedDateTime: new Date(START + at * 1000).toISOString(),
  time: 100,
  request: {
    method,
    url,
    headers: pairs({ ':method': method }),
    ...(body !== undefined && { postData: { text: body } }),
  },
  response: {
    status,
    headers: pairs(headers),
    content: { text: typeof answer === 'string' ? answer : JSON.stringify(answer) },
  },
  timings: { blocked: -1, send: 1, wait: 99, receive: 0 },
})

const har = (...exchanges: Exchange[]): object => ({ log: { entries: exchanges.map(entry) } })

const summaryOf = async (...exchanges: Exchange[]): Promise<EndpointSummary> => {
  const { endpoints } = await explainHar(parseHar(har(...exchanges)))
  expect(endpoints).toHaveLength(1)
  return endpoints[0]!
}

const refusal = (at: number, seconds: number, more: Partial<Exchange> = {}): Exchange => ({
  at,
  status: 429,
  headers: { 'retry-after': String(seconds) },
  ...more,
})

describe('whatever JSON it is, reading a recording never throws, and says what is wrong', () => {
  it.each<[name: string, value: unknown, problem: string]>([
    ['nothing', null, 'log.entries is missing, not a list: this is no HAR file'],
    ['no list', { log: { entries: {} } }, 'log.entries is an object, not a list: this is no HAR file'],
    ['an entry of nothing', { log: { entries: [null] } }, 'log.entries[0].request.url is missing, not a string'],
    [
      'no method',
      { log: { entries: [{ request: { url: 'x', method: 7 } }] } },
      'log.entries[0].request.method is a number, not a string',
    ],
    [
      'no status',
      { log: { entries: [{ request: { url: 'x', method: 'GET' }, response: { status: null } }] } },
      'log.entries[0].response.status is null, not a number',
    ],
  ])('%s', (_, value, problem) => {
    expect(parseHar(value)).toEqual({ entries: [], problems: [problem] })
  })

  it('an entry without a date is counted, and its waits are not', async () => {
    const read = parseHar({ log: { entries: [{ ...entry(refusal(0, 9)), startedDateTime: 'yesterday' }] } })
    expect(read.problems).toEqual(['log.entries[0].startedDateTime is no date: its waits cannot be judged'])
    expect((await explainHar(read)).endpoints).toMatchObject([{ calls: 1, waits: { named: 0 } }])
  })

  it('twenty problems are told, of more how many', () => {
    const { problems } = parseHar({ log: { entries: Array.from({ length: 25 }, () => 0) } })
    expect([problems.length, problems.at(-1)]).toEqual([21, 'and 5 more'])
  })

  const whole = har(refusal(0, 9), { at: 1, status: 0 }, { at: 2, status: 401 }, { at: 3, status: 401 })
  const names = Array.from(JSON.stringify(whole).matchAll(/"(\w+)":/g), ([, name = '']) => name)
  /** A recording in which anything may stand anywhere. */
  const broken = fc
    .tuple(fc.array(fc.tuple(fc.constantFrom(...names), fc.jsonValue()), { maxLength: 4 }), fc.nat())
    .map(
      ([changes]) =>
        JSON.parse(JSON.stringify(whole), (key, value: unknown) => {
          const change = changes.find(([name]) => name === key)
          return change ? change[1] : value
        }) as unknown,
    )

  it('nor does summing it up', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(broken, fc.jsonValue()), async (value) => {
        const read = parseHar(value)
        const summary = await explainHar(read)
        formatHarSummary(summary)
        for (const one of read.entries) await explainEntry(one)
        expect(summary.endpoints.reduce((sum, { calls }) => sum + calls, 0)).toBe(read.entries.length)
        expect(read.entries.length > 0 || read.problems.length > 0 || JSON.stringify(value).includes('[]')).toBe(true)
      }),
      { seed: 17, numRuns: 1000 },
    )
  })
})

describe('a recording is summed up by endpoint', () => {
  it('by API, method, and path without ids', async () => {
    const { calls, endpoints } = await explainHar(
      parseHar(
        har(
          { at: 0, url: 'https://api.test/v1/items/123456?a=1' },
          { at: 1, url: 'https://api.test/v1/items/654321?a=2' },
          { at: 2, url: 'https://api.test/v1/items/123456', method: 'DELETE', status: 500 },
          { at: 3, url: 'https://other.test/v1/items/123456' },
        ),
      ),
    )
    expect(calls).toBe(4)
    expect(endpoints.map(({ api, method, endpoint, calls: count }) => [api, method, endpoint, count])).toEqual([
      ['https://api.test', 'DELETE', '/v1/items/:id', 1],
      ['https://api.test', 'GET', '/v1/items/:id', 2],
      ['https://other.test', 'GET', '/v1/items/:id', 1],
    ])
  })

  it('with the verdicts, the most frequent first, and the first of each', async () => {
    const one = await summaryOf({ at: 0, status: 500, answer: { message: 'Oops' } }, { at: 1 }, { at: 2 })
    expect(one.kinds).toEqual([
      { kind: 'ok', count: 2, status: 200, evidence: '200', entry: 1 },
      { kind: 'server-error', count: 1, status: 500, evidence: '500', message: 'Oops', entry: 0 },
    ])
  })

  it('where no answer came, with the error', async () => {
    const read = parseHar({
      log: { entries: [{ ...entry({ at: 0, status: 0 }), _error: 'net::ERR_CONNECTION_RESET' }] },
    })
    const { endpoints } = await explainHar(read)
    expect(endpoints[0]?.kinds).toMatchObject([{ kind: 'network', status: 0 }])
    expect((await explainEntry(read.entries[0]!)).next).toMatchObject({ again: true, by: 'backoff-jitter' })
  })

  it('with bodies in base64', async () => {
    const content = { encoding: 'base64', text: Buffer.from('{"message":"Zu viele öfter"}').toString('base64') }
    const one = entry({ at: 0, status: 429 })
    const read = parseHar({ log: { entries: [{ ...one, response: { status: 429, headers: [], content } }] } })
    expect((await explainEntry(read.entries[0]!)).verdict.message).toBe('Zu viele öfter')
  })
})

describe('waits that were named are obeyed or not', () => {
  it('obeyed, by whoever came back later', async () => {
    const { waits } = await summaryOf(refusal(0, 5), { at: 5.1 })
    expect(waits).toEqual({ named: 1, obeyed: 1, obeyedByAll: 1, early: 0 })
  })

  it('not, by whoever came back sooner: by how much at worst', async () => {
    const { waits } = await summaryOf(refusal(0, 5), refusal(2.1, 3), { at: 4 })
    expect(waits).toEqual({
      named: 2,
      obeyed: 0,
      obeyedByAll: 0,
      early: 2,
      worst: { entry: 1, earlyMs: 3000, namedMs: 5000 },
    })
  })

  it('what was in flight already when the time was named could not know', async () => {
    const { waits } = await summaryOf(refusal(0, 5), { at: 0.05 })
    expect(waits).toMatchObject({ named: 1, obeyed: 1, early: 0 })
  })

  it('others of the same API count apart', async () => {
    const { endpoints } = await explainHar(parseHar(har(refusal(0, 5), { at: 1, url: 'https://api.test/v1/other' })))
    expect(endpoints[0]?.waits).toEqual({ named: 1, obeyed: 1, obeyedByAll: 0, early: 0 })
  })

  it('another API does not count', async () => {
    const { endpoints } = await explainHar(parseHar(har(refusal(0, 5), { at: 1, url: 'https://other.test/v1/items' })))
    expect(endpoints[0]?.waits).toMatchObject({ obeyed: 1, obeyedByAll: 1 })
  })

  it('the time before sending, in which a browser has queued it, is not counted', async () => {
    const late = { ...entry({ at: 1 }), time: 5100, timings: { blocked: 5000, send: 0, wait: 100, receive: 0 } }
    const { endpoints } = await explainHar(parseHar({ log: { entries: [entry(refusal(0, 5)), late] } }))
    expect(endpoints[0]?.waits).toMatchObject({ named: 1, obeyed: 1, early: 0 })
  })
})

describe('a repetition could not help if nothing was mended', () => {
  const wrong = (at: number, more: Partial<Exchange> = {}): Exchange => ({ at, status: 401, ...more })

  it('the same request after an answer that is to be fixed, with another such answer', async () => {
    expect((await summaryOf(wrong(0), wrong(1), wrong(2))).futile).toEqual({ count: 2, entry: 1 })
  })

  it.each<[name: string, exchanges: Exchange[]]>([
    ['another body', [wrong(0, { method: 'POST', body: 'a' }), wrong(1, { method: 'POST', body: 'b' })]],
    [
      'another query',
      [wrong(0, { url: 'https://api.test/v1/items?a=1' }), wrong(1, { url: 'https://api.test/v1/items?a=2' })],
    ],
    ['it helped: the key was mended', [wrong(0), { at: 1 }, wrong(2)]],
    ['both were under way at once', [wrong(0), wrong(0.05)]],
    ['a failure that passes', [wrong(0, { status: 500 }), wrong(1, { status: 500 })]],
  ])('not so: %s', async (_, exchanges) => {
    expect((await summaryOf(...exchanges)).futile).toEqual({ count: 0 })
  })

  it('an allowance is used up until its time, and no longer', async () => {
    const empty = { status: 429, answer: { message: 'Daily quota exceeded' }, headers: { 'retry-after': '7200' } }
    expect((await summaryOf({ at: 0, ...empty }, { at: 60, ...empty })).futile.count).toBe(1)
    expect((await summaryOf({ at: 0, ...empty }, { at: 7300, ...empty })).futile.count).toBe(0)
  })
})

describe('what that cost is added up from headers', () => {
  it('in all, on requests that came too early, and on repetitions in vain', async () => {
    const cost = { 'x-credits-charged': '0.1' }
    const early = await summaryOf(
      { at: 0, headers: cost },
      refusal(1, 9),
      { at: 2, headers: cost },
      { at: 3, headers: cost },
    )
    expect(early.credits).toEqual({ spent: 0.3, onEarly: 0.2, onFutile: 0 })
    const vain = await summaryOf({ at: 0, status: 401, headers: cost }, { at: 1, status: 401, headers: cost })
    expect(vain.credits).toEqual({ spent: 0.2, onEarly: 0, onFutile: 0.1 })
  })
})

it('the summary reads well', async () => {
  const charged = { 'x-credits-charged': '10' }
  const read = parseHar(
    har(
      ...Array.from({ length: 30 }, (_, i): Exchange => ({ at: i / 10, headers: charged })),
      refusal(4, 20, { headers: { 'retry-after': '20', ...charged }, answer: { message: 'Slow down' } }),
      refusal(5, 19, { headers: { 'retry-after': '19', ...charged }, answer: { message: 'Slow down' } }),
      { at: 6, headers: charged },
      {
        at: 7,
        url: 'https://api.test/v1/me?key=s3cretly',
        status: 401,
        answer: { error: 'The key s3cretly is not valid' },
      },
      {
        at: 8,
        url: 'https://api.test/v1/me?key=s3cretly',
        status: 401,
        answer: { error: 'The key s3cretly is not valid' },
      },
      { at: 9, url: 'https://api.test/v1/health' },
    ),
  )
  const text = formatHarSummary(await explainHar(read))
  expect(text).not.toContain('s3cretly')
  await expect(`${text}\n`).toMatchFileSnapshot('../fixtures/reports/recording.txt')
})
