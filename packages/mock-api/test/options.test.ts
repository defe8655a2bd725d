import { describe, expect, test } from 'vitest'
import { createMockApi, type MockApiOptions } from '../src/index.ts'

const window = { limit: 1, windowMs: 1 }

describe('bad options are refused at creation, naming the option, the value and what is accepted', () => {
  test.each<[unknown, ErrorConstructor, string]>([
    [
      { concurency: 5 },
      TypeError,
      'unknown option concurency (5); did you mean concurrency? It takes a whole number, 1 or more',
    ],
    [{ concurrency: 0 }, RangeError, 'concurrency must be a whole number, 1 or more, got 0'],
    [{ concurrency: 2.5 }, RangeError, 'concurrency must be a whole number, 1 or more, got 2.5'],
    [{ concurrency: '5' }, TypeError, "concurrency must be a whole number, 1 or more, got '5'"],
    [{ windows: {} }, TypeError, 'windows must be a list of windows, got object'],
    [{ windows: [{ limit: 0, windowMs: 1 }] }, RangeError, 'windows[0].limit must be a whole number, 1 or more, got 0'],
    [
      { windows: [window, { limit: 1, windowMs: NaN }] },
      RangeError,
      'windows[1].windowMs must be a finite number of milliseconds, 1 or more, got NaN',
    ],
    [
      { windows: [{ ...window, kind: 'rolling' }] },
      RangeError,
      "windows[0].kind must be one of 'fixed', 'sliding', 'bucket', got 'rolling'",
    ],
    [
      { windows: [{ ...window, burst: 3 }] },
      RangeError,
      "windows[0].burst goes with kind: 'bucket' only, got kind: 'fixed'",
    ],
    [
      { windows: [{ ...window, kind: 'bucket', align: 'clock' }] },
      RangeError,
      "windows[0].align goes with kind: 'fixed' only, got kind: 'bucket'",
    ],
    [
      { windows: [{ ...window, status: 200 }] },
      RangeError,
      'windows[0].status must be a whole number, 400 or more and at most 599, got 200',
    ],
    [
      { windows: [{ ...window, name: 'a"b' }] },
      RangeError,
      'windows[0].name must be letters, digits, "_", "." and "-", got \'a"b\'',
    ],
    [
      { windows: [{ ...window, counts: 'all' }] },
      RangeError,
      "windows[0].counts must be one of 'accepted', 'arrivals', got 'all'",
    ],
    [{ credits: { balance: -1 } }, RangeError, 'credits.balance must be a finite number, 0 or more, got -1'],
    [
      { credits: { balance: 1, cost: NaN } },
      RangeError,
      'credits.cost must be a finite number, 0 or more or a function, got NaN',
    ],
    [
      { credits: { balance: 1, costHeader: 'a b' } },
      RangeError,
      "credits.costHeader must be false or a header name, got 'a b'",
    ],
    [{ headers: 'ieft' }, RangeError, "headers must be one of 'ietf', 'draft-7'"],
    [
      { retryAfter: 'minutes' },
      RangeError,
      "retryAfter must be one of 'seconds', 'decimal', 'date', 'ms', false, got 'minutes'",
    ],
    [
      { announceConcurrency: 'no' },
      RangeError,
      "announceConcurrency must be one of true, false, 'ietf', 'both', 'message', got 'no'",
    ],
    [
      { latencyMs: -1 },
      RangeError,
      'latencyMs must be a number of milliseconds, 0 or more and at most 2147483647, a function or a range of two, the lower first, got -1',
    ],
    [
      { latencyMs: [50, 20] },
      RangeError,
      'latencyMs must be a number of milliseconds, 0 or more and at most 2147483647, a function or a range of two, the lower first, got object Array',
    ],
    [
      { latencyMs: 2 ** 31 },
      RangeError,
      'latencyMs must be a number of milliseconds, 0 or more and at most 2147483647, a function or a range of two, the lower first, got 2147483648',
    ],
    [{ work: { perSecond: 0 } }, RangeError, 'work.perSecond must be a number, above 0 and at most 1000000, got 0'],
    [{ work: { perSecond: 1, maxQueued: -1 } }, RangeError, 'work.maxQueued must be a number, 0 or more, got -1'],
    [
      { work: { perSecond: 1, rejectionCost: NaN } },
      RangeError,
      'work.rejectionCost must be a number, 0 or more and at most 1000000, got NaN',
    ],
    [
      { outages: [{ fromMs: 5, toMs: 4 }] },
      RangeError,
      'outages[0].toMs must be a number of milliseconds, 5 or more, got 4',
    ],
    [
      { outages: [{ fromMs: 0, toMs: 1, status: 'down' }] },
      RangeError,
      "outages[0].status must be a whole number, 400 or more and at most 599 or one of 'reset', 'hang', got 'down'",
    ],
    [{ outages: [{ from: 0, toMs: 1 }] }, TypeError, 'unknown option outages[0].from (0); did you mean fromMs?'],
    [{ flaky: { rate: 3 } }, RangeError, 'flaky.rate must be a number, 0 or more and at most 1, got 3'],
    [{ flaky: { rate: 1, kinds: [] } }, RangeError, 'flaky.kinds must be a list of at least one kind, got'],
    [
      { flaky: { rate: 1, kinds: ['200'] } },
      RangeError,
      "flaky.kinds[0] must be 'reset', 'truncate', 'slow-body', 'hang' or an error status such as '503', got '200'",
    ],
    [
      { flaky: { rate: 1, slowBodyMs: 0 } },
      RangeError,
      'flaky.slowBodyMs must be a number of milliseconds, 1 or more and at most 2147483647, got 0',
    ],
    [{ empty: 2 }, RangeError, 'empty must be a number, 0 or more and at most 1 or a function, got 2'],
    [{ exempt: true }, TypeError, 'exempt must be a function, got true'],
    [{ routes: [] }, TypeError, 'routes must be a function, got object Array'],
    [{ slotUntil: 'end' }, RangeError, "slotUntil must be one of 'response', 'body-end', got 'end'"],
    [{ logSize: -1 }, RangeError, 'logSize must be a whole number, 0 or more, got -1'],
    [{ seed: 'x' }, TypeError, 'seed must be a finite number, got string'],
    [null, TypeError, 'options must be a plain object with seed, windows'],
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
