import { describe, expect, test } from 'vitest'
import { createMockApi, type MockApiOptions } from '../src/index.ts'

const window = { limit: 1, windowMs: 1 }

describe('bad options are refused at creation, naming the option, the value and what is accepted', () => {
  test.each<[unknown, ErrorConstructor, string]>([
    [{ concurency: 5 }, TypeError, 'options has an unknown "concurency", accepted: seed, windows, concurrency'],
    [{ concurrency: 0 }, RangeError, 'concurrency is 0, accepted: a number from 1'],
    [{ concurrency: 2.5 }, RangeError, 'concurrency is 2.5, accepted: a whole number from 1'],
    [{ concurrency: '5' }, TypeError, 'concurrency is "5", accepted: a number'],
    [{ windows: {} }, TypeError, 'windows is [object Object], accepted: a list'],
    [{ windows: [{ limit: 0, windowMs: 1 }] }, RangeError, 'windows[0].limit is 0'],
    [{ windows: [window, { limit: 1, windowMs: NaN }] }, RangeError, 'windows[1].windowMs is NaN'],
    [
      { windows: [{ ...window, kind: 'rolling' }] },
      RangeError,
      'windows[0].kind is "rolling", accepted: "fixed", "sliding", "bucket"',
    ],
    [
      { windows: [{ ...window, burst: 3 }] },
      RangeError,
      "windows[0].burst is 3, accepted: a burst only with kind: 'bucket'",
    ],
    [{ windows: [{ ...window, kind: 'bucket', align: 'clock' }] }, RangeError, 'windows[0].align is "clock"'],
    [
      { windows: [{ ...window, status: 200 }] },
      RangeError,
      'windows[0].status is 200, accepted: a status from 400 to 599',
    ],
    [{ windows: [{ ...window, name: 'a"b' }] }, RangeError, 'windows[0].name is "a\\"b"'],
    [{ windows: [{ ...window, counts: 'all' }] }, RangeError, 'windows[0].counts is "all"'],
    [{ credits: { balance: -1 } }, RangeError, 'credits.balance is -1'],
    [{ credits: { balance: 1, cost: NaN } }, RangeError, 'credits.cost is NaN'],
    [{ credits: { balance: 1, costHeader: 'a b' } }, RangeError, 'credits.costHeader is "a b"'],
    [{ headers: 'ieft' }, RangeError, 'headers is "ieft", accepted: "ietf", "draft-7"'],
    [{ retryAfter: 'minutes' }, RangeError, 'retryAfter is "minutes"'],
    [{ announceConcurrency: 'no' }, RangeError, 'announceConcurrency is "no"'],
    [{ latencyMs: -1 }, RangeError, 'latencyMs is -1'],
    [{ latencyMs: [50, 20] }, RangeError, 'latencyMs[1] is 20, accepted: a number from 50'],
    [{ latencyMs: 2 ** 31 }, RangeError, 'latencyMs is 2147483648'],
    [{ work: { perSecond: 0 } }, RangeError, 'work.perSecond is 0, accepted: a number above 0'],
    [{ work: { perSecond: 1, maxQueued: -1 } }, RangeError, 'work.maxQueued is -1'],
    [{ work: { perSecond: 1, rejectionCost: NaN } }, RangeError, 'work.rejectionCost is NaN'],
    [{ outages: [{ fromMs: 5, toMs: 4 }] }, RangeError, 'outages[0].toMs is 4, accepted: a number from 5'],
    [{ outages: [{ fromMs: 0, toMs: 1, status: 'down' }] }, RangeError, 'outages[0].status is "down"'],
    [{ outages: [{ from: 0, toMs: 1 }] }, TypeError, 'outages[0] has an unknown "from"'],
    [{ flaky: { rate: 3 } }, RangeError, 'flaky.rate is 3, accepted: a number from 0 to 1'],
    [{ flaky: { rate: 1, kinds: [] } }, RangeError, 'flaky.kinds is'],
    [{ flaky: { rate: 1, kinds: ['200'] } }, RangeError, 'flaky.kinds is "200"'],
    [{ flaky: { rate: 1, slowBodyMs: 0 } }, RangeError, 'flaky.slowBodyMs is 0'],
    [{ empty: 2 }, RangeError, 'empty is 2'],
    [{ exempt: true }, TypeError, 'exempt is true, accepted: a function'],
    [{ routes: [] }, TypeError, 'routes is'],
    [{ slotUntil: 'end' }, RangeError, 'slotUntil is "end"'],
    [{ logSize: -1 }, RangeError, 'logSize is -1'],
    [{ seed: 'x' }, TypeError, 'seed is "x"'],
    [null, TypeError, 'options is null'],
  ])('%j', (options, type, message) => {
    const create = () => createMockApi(options as MockApiOptions)
    expect(create).toThrow(type)
    expect(create).toThrow(`createMockApi: ${message}`)
  })

  test('undefined is the same as absent', async () => {
    const api = createMockApi({ windows: undefined, concurrency: undefined, credits: undefined, latencyMs: undefined })
    expect((await api.fetch('https://api.test/v1/lookup/1.1.1.1')).status).toBe(200)
  })
})
