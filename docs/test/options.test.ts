import { runInNewContext } from 'node:vm'
import { alert, slack, webhook } from '@aplomb/alert'
import { classifyResponse } from '@aplomb/classify'
import { limiterStore } from '@aplomb/credit-meter'
import { createMockApi } from '@aplomb/mock-api'
import { otel } from '@aplomb/otel'
import { redaction } from '@aplomb/redact'
import {
  aplomb,
  backoffJitter,
  classify,
  compose,
  concurrencyGate,
  createFetch,
  creditMeter,
  log,
  middleware,
  retryAfter,
} from 'aplomb'
import { beforeEach, describe, expect, it, vi } from 'vitest'

type Options = Record<string, unknown>

const fetch = async function fetch(_input: unknown, _init: unknown): Promise<Response> {
  return new Response()
}

beforeEach(() => {
  vi.stubGlobal('fetch', fetch)
})

function mine(): void {}

/** What is tried for each option, and how an error names it. */
const VALUES: Readonly<Record<string, readonly [value: unknown, shown: string]>> = {
  null: [null, 'null'],
  text: ['5', "'5'"],
  NaN: [NaN, 'NaN'],
  minus: [-1, '-1'],
  zero: [0, '0'],
  half: [1.5, '1.5'],
  infinity: [Infinity, 'Infinity'],
  true: [true, 'true'],
  object: [{}, 'object'],
  list: [[], 'object Array'],
  function: [mine, 'function mine'],
  symbol: [Symbol('s'), 'Symbol(s)'],
  bigint: [10n, '10n'],
  console: [console, 'object console'],
  fetch: [fetch, 'function fetch'],
}

const FUNCTION = 'function fetch'
const LIST = 'list'
/** Milliseconds from 0, from above 0; the finite ones; those that a timer takes. */
const FROM_0 = 'zero half infinity'
const FINITE = 'zero half'
const ABOVE_0 = 'half'
const SWITCH = 'true'
const NOTHING = ''
const TEXT = 'text'

/** Which of the values each option takes. Whatever is not named here is an error. */
const CREATE_FETCH = {
  fetch: FUNCTION,
  key: `${TEXT} ${FUNCTION}`,
  timeoutMs: ABOVE_0,
  maxTotalWaitMs: FROM_0,
  onEvent: FUNCTION,
  replayLimitBytes: FROM_0,
  repeatable: `${LIST} ${FUNCTION}`,
  'repeatable[0]': TEXT,
}
const REDACT = { query: LIST, 'query[0]': TEXT, headers: LIST, 'headers[0]': TEXT, text: FUNCTION }
const LOG = { sink: `${FUNCTION} console`, level: NOTHING, endpoint: FUNCTION, ...within('redact', REDACT) }
const BACKOFF = {
  maxAttempts: NOTHING,
  baseMs: FINITE,
  maxMs: FINITE,
  jitter: FUNCTION,
  attemptTimeoutMs: ABOVE_0,
  methods: LIST,
  'methods[0]': TEXT,
  idempotencyKey: SWITCH,
}
const GATE = { limit: NOTHING, maxQueue: FROM_0, queueTimeoutMs: ABOVE_0, slotUntil: NOTHING }
const RETRY_AFTER = { maxAttempts: NOTHING, maxWaitMs: FROM_0, pace: SWITCH }
const METER = {
  budget: ABOVE_0,
  'budget.limit': ABOVE_0,
  'budget.period': NOTHING,
  'budget.period.rollingMs': ABOVE_0,
  'budget.timeZone': NOTHING,
  thresholds: LIST,
  'thresholds[0]': ABOVE_0,
  cost: `${FINITE} ${FUNCTION}`,
  stopAt: ABOVE_0,
  onAlert: FUNCTION,
  endpoint: FUNCTION,
  store: NOTHING,
}
const CLASSIFY = {
  rules: LIST,
  'rules[0]': NOTHING,
  'rules[0].name': TEXT,
  'rules[0].reads': FUNCTION,
  'rules[0].judge': FUNCTION,
  lookups: `${SWITCH} ${LIST} ${FUNCTION}`,
  'lookups[0]': NOTHING,
  rows: LIST,
  'rows[0]': NOTHING,
  'rows[0].header': TEXT,
  'rows[0].means': NOTHING,
  'rows[0].unit': NOTHING,
  'rows[0].name': TEXT,
  'rows[0].group': TEXT,
  'rows[0].windowMs': `${ABOVE_0} ${LIST}`,
  'rows[0].counts': TEXT,
  peekBytes: FINITE,
  peekTimeoutMs: ABOVE_0,
}
const ALERT = {
  to: FUNCTION,
  errorRate: 'object',
  'errorRate.windowMs': NOTHING,
  'errorRate.minAttempts': NOTHING,
  'errorRate.minRate': NOTHING,
  'errorRate.factor': 'half',
  holdMs: FROM_0,
  coolDownMs: FROM_0,
  endpoint: FUNCTION,
  ...within('redact', REDACT),
}
const WEBHOOK = { fetch: FUNCTION, headers: 'object', 'headers.x-key': TEXT, timeoutMs: ABOVE_0 }
const OTEL = {
  tracerProvider: NOTHING,
  meterProvider: NOTHING,
  endpoint: FUNCTION,
  propagate: SWITCH,
  ...within('redact', REDACT),
}
const MOCK_API = {
  seed: 'minus zero half',
  windows: LIST,
  'windows[0].limit': NOTHING,
  'windows[0].windowMs': ABOVE_0,
  'windows[0].kind': NOTHING,
  'windows[0].burst': NOTHING,
  'windows[0].align': NOTHING,
  'windows[0].counts': NOTHING,
  'windows[0].status': NOTHING,
  'windows[0].name': TEXT,
  concurrency: NOTHING,
  announceConcurrency: SWITCH,
  'credits.balance': FINITE,
  'credits.cost': `${FINITE} ${FUNCTION}`,
  'credits.chargeErrors': SWITCH,
  'credits.costHeader': TEXT,
  'credits.balanceHeader': TEXT,
  headers: FUNCTION,
  retryAfter: NOTHING,
  latencyMs: `${FINITE} ${FUNCTION}`,
  rejectionLatencyMs: `${FINITE} ${FUNCTION}`,
  'work.perSecond': ABOVE_0,
  'work.maxQueued': FROM_0,
  'work.rejectionCost': FINITE,
  outages: LIST,
  'outages[0].fromMs': FINITE,
  'outages[0].toMs': FROM_0,
  'outages[0].status': NOTHING,
  'outages[0].retryAfter': SWITCH,
  'flaky.rate': 'zero',
  'flaky.kinds': NOTHING,
  'flaky.slowBodyMs': ABOVE_0,
  empty: `zero ${FUNCTION}`,
  exempt: FUNCTION,
  routes: FUNCTION,
  slotUntil: NOTHING,
  logSize: 'zero',
}

/** The same under a prefix. */
function within(prefix: string, table: Readonly<Record<string, string>>): Record<string, string> {
  const inner = Object.fromEntries(Object.entries(table).map(([path, takes]) => [`${prefix}.${path}`, takes]))
  return { [prefix]: 'object', ...inner }
}

const PARTS = {
  log: LOG,
  backoffJitter: BACKOFF,
  concurrencyGate: GATE,
  retryAfter: RETRY_AFTER,
  creditMeter: METER,
  classify: CLASSIFY,
}
const APLOMB = {
  ...CREATE_FETCH,
  ...Object.assign({}, ...Object.entries(PARTS).map(([name, table]) => within(name, table))),
  observe: LIST,
  'observe[0]': 'function',
  use: LIST,
  'use[0]': 'function',
}

/** What has to stand beside an option. */
const BASE: Readonly<Record<string, unknown>> = {
  budget: { limit: 100 },
  'budget.period': { rollingMs: 1000 },
  'rules[0]': { name: 'mine', judge: mine },
  'rows[0]': { header: 'x-mine', means: 'limit' },
  'windows[0]': { limit: 1, windowMs: 1 },
  credits: { balance: 1 },
  work: { perSecond: 1 },
  'outages[0]': { fromMs: 0, toMs: 9 },
  flaky: { rate: 0 },
}

const makers: readonly (readonly [
  name: string,
  make: (options: never) => unknown,
  table: Readonly<Record<string, string>>,
])[] = [
  ['createFetch', (options) => createFetch([], options), CREATE_FETCH],
  ['log', log, LOG],
  ['backoffJitter', backoffJitter, BACKOFF],
  ['concurrencyGate', concurrencyGate, GATE],
  ['retryAfter', retryAfter, RETRY_AFTER],
  ['creditMeter', creditMeter, METER],
  ['classify', classify, CLASSIFY],
  ['redact', redaction, REDACT],
  ['alert', alert, ALERT],
  ['webhook', (options) => webhook('https://ops.test/', options), WEBHOOK],
  ['slack', (options) => slack('https://ops.test/', options), WEBHOOK],
  ['otel', otel, OTEL],
  ['createMockApi', createMockApi, MOCK_API],
  ['limiterStore', (options) => limiterStore({} as never, options), { pointsPerCredit: NOTHING }],
  ['aplomb', aplomb, APLOMB],
]

const steps = (path: string): string[] => path.split(/\.(?=[^.]*)|(?=\[)/)

/** Options with a value at a path, and around it what has to be there. */
const optionsWith = (path: string, value: unknown): Options => {
  const put = (target: unknown, [step = '', ...rest]: readonly string[], at: string): unknown => {
    const index = /^\[(\d+)\]$/.exec(step)?.[1]
    const here = index === undefined ? (at ? `${at}.${step}` : step) : `${at}${step}`
    const base = Object.entries(BASE).find(([known]) => here === known || here.endsWith(`.${known}`))?.[1]
    const inner = rest.length === 0 ? value : put(typeof base === 'object' ? { ...base } : undefined, rest, here)
    if (index !== undefined) return [inner]
    return { ...(target as Options | undefined), [step]: inner }
  }
  const options = put({}, steps(path), '') as Options
  if (/(^|\.)stopAt$/.test(path)) {
    const meter = (path.startsWith('creditMeter') ? options['creditMeter'] : options) as Options
    meter['budget'] = 100
  }
  return options
}

const errorOf = (make: () => unknown): Error | undefined => {
  try {
    make()
  } catch (error) {
    return error as Error
  }
  return undefined
}

describe.each(makers)('%s', (name, make, table) => {
  describe('takes what is documented, and names what it does not take, where, and what it takes', () => {
    for (const [path, takes] of Object.entries(table)) {
      it.each(Object.entries(VALUES))(`${path}: %s`, (sort, [value, shown]) => {
        vi.spyOn(console, 'warn').mockImplementation(() => undefined)
        const error = errorOf(() => make(optionsWith(path, value) as never))
        if (takes.split(' ').includes(sort)) return expect(error).toBeUndefined()
        expect([TypeError, RangeError]).toContain(error?.constructor)
        // Of an object that lacks something, that is said; and one of headers is never shown.
        const isInner = sort === 'object' || sort === 'console'
        const secret = /(^|\.)(key|headers\.x-key|headers)$/.test(path)
        const said = secret && typeof value !== 'object' && typeof value !== 'function'
        const where = path.replace(/^headers\.x-key$/, 'headers')
        const got = where === path ? (said ? `(${typeof value}|${escape(shown)})` : escape(shown)) : 'object'
        const form = `^${name}: ${escape(where)} must be .+, got ${got}(; did you mean .+\\?)?$`
        if (isInner && !new RegExp(form, 's').test(error?.message ?? ''))
          expect(error?.message).toMatch(new RegExp(`^${name}: (unknown option )?${escape(where)}[.[]\\S+ `))
        else expect(error?.message).toMatch(new RegExp(form, 's'))
      })
    }

    it.each(Object.entries(VALUES).filter(([sort]) => sort !== 'object'))(
      'in place of its options: %s',
      (_, [value, shown]) => {
        const error = errorOf(() => make(value as never))
        expect([TypeError, RangeError]).toContain(error?.constructor)
        expect(error?.message).toMatch(
          new RegExp(
            `^${name}: options must be a plain object with .+, got ${escape(shown)}(; did you mean \\S+\\?)?$`,
          ),
        )
      },
    )
  })

  it('takes undefined for "not given", at every path', () => {
    for (const path of Object.keys(table)) {
      if (/\]$|\.x-key$|(limit|rollingMs|judge|header|means|windowMs|balance|perSecond|fromMs|toMs|rate)$/.test(path))
        continue
      if (/(rules|rows)\[0\]\.name$/.test(path)) continue
      expect([path, errorOf(() => make(optionsWith(path, undefined) as never))]).toEqual([path, undefined])
    }
  })

  it("sees only what is the options' own", () => {
    const names = new Set(Object.keys(table).flatMap((path) => steps(path).filter((step) => !step.startsWith('['))))
    const prototype = Object.prototype as Options
    const polluted = [...names].filter((one) => !(one in prototype))
    for (const one of polluted)
      Object.defineProperty(prototype, one, { value: Symbol('bad'), configurable: true, writable: true })
    try {
      expect(errorOf(() => make({} as never))).toBeUndefined()
      for (const [path, takes] of Object.entries(table)) {
        const sort = takes.split(' ').find(Boolean)
        if (sort === undefined || path === 'headers.x-key') continue
        expect([path, errorOf(() => make(optionsWith(path, VALUES[sort]?.[0]) as never))]).toEqual([path, undefined])
      }
    } finally {
      for (const one of polluted) delete prototype[one]
    }
  })

  it('takes options without a prototype, and those of another realm; not what a class keeps on its own', () => {
    expect(errorOf(() => make(Object.create(null) as never))).toBeUndefined()
    expect(errorOf(() => make(runInNewContext('({})') as never))).toBeUndefined()
    for (const [path, takes] of Object.entries(table)) {
      const sort = takes.split(' ').find(Boolean)
      if (sort === undefined || path === 'headers.x-key') continue
      const options = optionsWith(path, VALUES[sort]?.[0])
      expect(errorOf(() => make(Object.assign(Object.create(null), options) as never))).toBeUndefined()
      expect(errorOf(() => make(Object.assign(runInNewContext('({})') as object, options) as never))).toBeUndefined()
      const hidden = errorOf(() => make(Object.create(options) as never))
      expect(hidden?.message).toMatch(`${name}: options must be a plain object with `)
    }
    class Settings {
      get timeoutMs(): number {
        return 5
      }
    }
    expect(errorOf(() => make(new Settings() as never))?.message).toMatch(
      /, got object Settings(; did you mean (headers|limits)\?)?$/,
    )
  })

  const misspelt = (option: string): string[] => {
    const middle = Math.floor(option.length / 2)
    const { [middle]: letter = '', [middle - 1]: before = '' } = option
    const head = option.slice(0, middle)
    const tail = option.slice(middle + 1)
    return [
      head + tail,
      head + letter + letter + tail,
      `${head}q${tail}`,
      option.slice(0, middle - 1) + letter + before + tail,
      option.toUpperCase(),
      option.charAt(0).toUpperCase() + option.slice(1),
      option.replaceAll(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`),
      option.replaceAll(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`),
      option.replace(/(Ms|Bytes)$/, ''),
    ]
  }

  const named = Object.keys(table).filter((path) => !/\]$|\.x-key$/.test(path))
  it.each(named)('a misspelt %s is an error that names it and the right one', (path) => {
    const option = steps(path).at(-1) as string
    const prefix = path.slice(0, path.length - option.length)
    const beside = new Set(
      named
        .filter((one) => steps(one).slice(0, -1).join() === steps(path).slice(0, -1).join())
        .map((one) => steps(one).at(-1)),
    )
    for (const wrong of misspelt(option)) {
      if (beside.has(wrong)) continue
      const error = errorOf(() => make(optionsWith(prefix + wrong, 5) as never))
      expect(error).toBeInstanceOf(TypeError)
      const start = `^${name}: unknown option ${escape(prefix + wrong)} \\((5|number)\\); did you mean ${option}\\? It takes .`
      expect(error?.message).toMatch(new RegExp(start))
    }
  })
})

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

describe('what belongs elsewhere, and what others call it, is said where it belongs', () => {
  it.each<[options: Options, wrong: string, right: string]>([
    [{ maxWaitMs: 5 }, 'maxWaitMs', 'retryAfter.maxWaitMs'],
    [{ maxWait: 5 }, 'maxWait', 'retryAfter.maxWaitMs'],
    [{ budget: 5 }, 'budget', 'creditMeter.budget'],
    [{ limit: 5 }, 'limit', 'concurrencyGate.limit'],
    [{ lookup: 5 }, 'lookup', 'classify.lookups'],
    [{ sink: 5 }, 'sink', 'log.sink'],
    [{ maxAttempts: 5 }, 'maxAttempts', 'backoffJitter.maxAttempts'],
    [{ backoffJitter: { maxWaitMs: 5 } }, 'backoffJitter.maxWaitMs', 'retryAfter.maxWaitMs'],
    [{ retryAfter: { timeoutMs: 5 } }, 'retryAfter.timeoutMs', 'timeoutMs of aplomb'],
    [{ concurrencyGate: { timeout: 5 } }, 'concurrencyGate.timeout', 'timeoutMs of aplomb'],
    [{ retries: 5 }, 'retries', 'backoffJitter.maxAttempts'],
    [{ retry: 5 }, 'retry', 'backoffJitter.maxAttempts'],
    [{ maxRetries: 5 }, 'maxRetries', 'backoffJitter.maxAttempts'],
    [{ numRetries: 5 }, 'numRetries', 'backoffJitter.maxAttempts'],
    [{ retryAfter: { retries: 5 } }, 'retryAfter.retries', 'maxAttempts'],
    [{ backoffJitter: { retries: 5 } }, 'backoffJitter.retries', 'maxAttempts'],
    [{ timeout: 5 }, 'timeout', 'timeoutMs'],
    [{ totalTimeout: 5 }, 'totalTimeout', 'timeoutMs'],
    [{ max: 5 }, 'max', 'concurrencyGate.limit'],
    [{ concurrencyGate: { max: 5 } }, 'concurrencyGate.max', 'limit'],
    [{ concurrency: 5 }, 'concurrency', 'concurrencyGate.limit'],
    [{ maxConcurrent: 5 }, 'maxConcurrent', 'concurrencyGate.limit'],
    [{ concurrencyGate: { concurrency: 5 } }, 'concurrencyGate.concurrency', 'limit'],
    [{ highWater: 5 }, 'highWater', 'concurrencyGate.maxQueue'],
    [{ reservoir: 5 }, 'reservoir', 'creditMeter.budget'],
    [{ retryDelay: 5 }, 'retryDelay', 'backoffJitter.baseMs'],
    [{ minTimeout: 5 }, 'minTimeout', 'backoffJitter.baseMs'],
    [{ maxTimeout: 5 }, 'maxTimeout', 'backoffJitter.maxMs'],
    [{ backoffLimit: 5 }, 'backoffLimit', 'backoffJitter.maxMs'],
    [{ randomize: 5 }, 'randomize', 'backoffJitter.jitter'],
    [{ retryCondition: 5 }, 'retryCondition', 'repeatable'],
    [{ onRetry: 5 }, 'onRetry', 'onEvent'],
    [{ hooks: 5 }, 'hooks', 'onEvent'],
    [{ logger: 5 }, 'logger', 'log.sink'],
    [{ middlewares: 5 }, 'middlewares', 'use'],
  ])('%o', (options, wrong, right) => {
    const error = errorOf(() => aplomb(options))
    expect(error).toBeInstanceOf(TypeError)
    const start = `^aplomb: unknown option ${escape(wrong)} \\(5\\); did you mean ${escape(right)}\\? It takes .`
    expect(error?.message).toMatch(new RegExp(start))
  })

  it('what is like nothing there is: all there are', () => {
    expect(errorOf(() => retryAfter({ colour: 'red' } as never))).toEqual(
      new TypeError('retryAfter: unknown option colour (string); there are maxAttempts, maxWaitMs, pace'),
    )
  })
})

describe('a value in place of options says where it belongs', () => {
  it.each<[options: Options, right: string]>([
    [{ log: console.log }, 'log.sink'],
    [{ log: console }, 'log.sink'],
    [{ log: { info: mine, warn: mine, error: mine } }, ''],
    [{ creditMeter: 10_000 }, 'creditMeter.budget'],
    [{ concurrencyGate: 2 }, 'concurrencyGate.limit'],
    [{ backoffJitter: 'full' }, 'backoffJitter.jitter'],
    [{ classify: '/v1/lookup/:ip' }, 'classify.lookups'],
    [{ retryAfter: 5 }, 'retryAfter.maxAttempts'],
  ])('%o', (options, right) => {
    const message = errorOf(() => aplomb(options))?.message ?? ''
    if (right) expect(message).toMatch(new RegExp(`; did you mean ${escape(right)}\\?$`))
    else expect(message).toMatch(/^aplomb: unknown option log\.info \(function mine\); /)
  })

  it.each<[name: string, value: unknown]>([
    ['fetch', fetch],
    ['a fetch made here', createFetch([])],
    ['true', true],
    ['null', null],
    ['a function of three', (_a: unknown, _b: unknown, _c: unknown) => undefined],
    ['a function of one', (_a: unknown) => undefined],
    ['a promise', Promise.resolve({})],
    ['a Map', new Map()],
  ])('%s is no part', (_, value) => {
    for (const name of Object.keys(PARTS))
      expect(errorOf(() => aplomb({ [name]: value }))?.message).toMatch(
        new RegExp(`^aplomb: ${name} must be false, a middleware \\(request, next\\) or a plain object with `),
      )
  })

  it('a middleware is one, however it was made', () => {
    const plain = async (request: Request, next: (request: Request) => Promise<Response>) => next(request)
    const made = [plain, compose(plain), middleware('fetch', plain), retryAfter()]
    for (const one of made)
      for (const name of Object.keys(PARTS)) expect(errorOf(() => aplomb({ [name]: one }))).toBeUndefined()
  })

  it('in a list, a fetch, and what wants more than it is given, is none', () => {
    for (const one of [
      fetch,
      createFetch([]),
      aplomb(),
      (_a: unknown, _b: unknown, _c: unknown) => undefined,
      5,
      null,
    ]) {
      for (const options of [{ use: [one] }, { observe: [one] }])
        expect(errorOf(() => aplomb(options as never))?.message).toMatch(
          /\[0\] must be a middleware \(request, next\), got /,
        )
      expect(errorOf(() => compose(one as never))?.message).toMatch(/^compose: middlewares\[0\] must be a middleware/)
    }
  })
})

describe('no secret is in an error', () => {
  const SECRET = 'hunter2hunter2'
  it.each<[name: string, make: () => unknown]>([
    ['an unknown option', () => aplomb({ apiKey: SECRET } as never)],
    ['in place of a part', () => aplomb({ creditMeter: `redis://me:${SECRET}@localhost` } as never)],
    ['a store', () => creditMeter({ store: `redis://me:${SECRET}@localhost` as never })],
    ['a webhook, in place of a sink', () => alert({ to: `https://hooks.test/${SECRET}` as never })],
    ['the URL of a webhook', () => slack(`hooks.test/${SECRET}`)],
    ['headers', () => webhook('https://ops.test/', { headers: [`x-key: ${SECRET}`] as never })],
    ['a header', () => webhook('https://ops.test/', { headers: { 'x-key': `${SECRET}\nx` } })],
    ['a misspelt option of headers', () => webhook('https://ops.test/', { header: { 'x-key': SECRET } } as never)],
    ['a fetch', () => createFetch([], { fetch: SECRET as never })],
    ['options', () => aplomb(SECRET as never)],
  ])('%s', (_, make) => {
    const error = errorOf(make)
    expect(error?.message).toMatch(/./)
    expect(`${String(error)}${JSON.stringify(error)}${error?.stack}`).not.toContain(SECRET)
  })

  it('nor is a number, where it may be one', () => {
    expect(errorOf(() => createFetch([], { key: 12_345_678 as never }))?.message).toMatch(/, got number$/)
    expect(errorOf(() => webhook('https://ops.test/', { headers: 12_345_678 as never }))?.message).toMatch(
      /, got number$/,
    )
  })
})

describe('shares where percentages belong are refused', () => {
  it.each([[{ stopAt: 0.9 }], [{ thresholds: [0.8] }]])('%o', (options) => {
    expect(errorOf(() => creditMeter({ budget: 100, ...options }))?.message).toMatch(
      /^creditMeter: \S+ must be a percentage of the budget \(80 is 80 %\), 1 or more, got 0\.\d$/,
    )
  })
})

describe('classifyResponse', () => {
  it.each<[options: unknown, message: RegExp]>([
    [{ lookup: '/x' }, /^classifyResponse: unknown option lookup \('\/x'\); did you mean lookups\? It takes ./],
    [{ signal: null }, /^classifyResponse: signal must be an AbortSignal, got null$/],
    [{ request: {} }, /^classifyResponse: request must be an object with a url, got object$/],
    [
      { receivedAt: new Date() },
      /^classifyResponse: receivedAt must be a finite number of milliseconds, 0 or more, got object Date$/,
    ],
    [null, /^classifyResponse: options must be a plain object with ./],
  ])('%o', async (options, message) => {
    await expect(classifyResponse(new Response(), options as never)).rejects.toThrow(message)
  })
})
