import type { ClientName, Settings } from './run.ts'

export interface Preset {
  readonly title: string
  readonly about: string
  readonly settings: Settings
  readonly clients: readonly [ClientName, ClientName]
}

const LATENCY = [50, 150] as const
const AT_ONCE = { calls: 400, overMs: 0, processes: 1, seed: 1 } as const
const perSecond = (limit: number) => [{ limit, windowMs: 1000 }]

export const PRESETS: Readonly<Record<string, Preset>> = {
  herd: {
    title: 'A thundering herd',
    about: '400 calls at once, 20 a second and 5 at once allowed, down from second 8 to second 10.',
    settings: {
      ...AT_ONCE,
      api: {
        windows: perSecond(20),
        concurrency: 5,
        latencyMs: LATENCY,
        outages: [{ fromMs: 8000, toMs: 10_000, status: 503 }],
      },
    },
    clients: ['naive', 'aplomb'],
  },
  money: {
    title: 'A silent 402',
    about: '200 credits for 400 calls, and one call in ten fails: who pays for what?',
    settings: {
      ...AT_ONCE,
      overMs: 10_000,
      api: { credits: { balance: 200 }, flaky: { rate: 0.1, kinds: ['500'] }, latencyMs: LATENCY },
    },
    clients: ['naive', 'aplomb'],
  },
  concurrency: {
    title: 'Concurrency, taken for a rate limit',
    about: '5 at once, told by nothing but plain 429s. Waiting helps little; fewer at once does.',
    settings: { ...AT_ONCE, api: { concurrency: 5, announceConcurrency: false, headers: false, latencyMs: LATENCY } },
    clients: ['backoff', 'aplomb'],
  },
  storm: {
    title: 'A retry storm',
    about: 'A server that does 80 things a second and stumbles for two seconds. Turning callers away costs it work.',
    settings: {
      ...AT_ONCE,
      calls: 600,
      overMs: 10_000,
      api: {
        work: { perSecond: 80, maxQueued: 40, rejectionCost: 0.7 },
        outages: [{ fromMs: 3000, toMs: 5000, status: 503 }],
      },
    },
    clients: ['naive', 'aplomb'],
  },
  bucket: {
    title: 'A bucket, waited out in whole seconds',
    about: '50 a second in a bucket of 20, whose Retry-After is rounded up to a second.',
    settings: {
      ...AT_ONCE,
      api: { windows: [{ limit: 50, windowMs: 1000, kind: 'bucket', burst: 20 }], latencyMs: LATENCY },
    },
    clients: ['hold', 'aplomb'],
  },
  workers: {
    title: 'Eight workers, one key',
    about: '40 a second for eight processes that know nothing of each other.',
    settings: { ...AT_ONCE, processes: 8, api: { windows: perSecond(40), latencyMs: LATENCY } },
    clients: ['naive', 'aplomb'],
  },
}
