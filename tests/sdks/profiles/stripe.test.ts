import { createMockApi } from '@aplomb/mock-api'
import { stripe } from '@aplomb/mock-api/profiles'
import { Stripe } from 'stripe'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { fault, judged } from './ask.ts'

const KEY = { authorization: 'Bearer sk_test_1' }

const send = (
  api: ReturnType<typeof createMockApi>,
  path: string,
  form: string,
  headers: Record<string, string> = {},
) =>
  api.fetch(`https://api.stripe.com/v1/${path}`, {
    method: 'POST',
    body: form,
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...KEY, ...headers },
  })

describe('the profile of Stripe, as classify reads it', () => {
  beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) }))
  afterEach(() => void vi.useRealTimers())

  it.each([
    ['requests', 'global-rate'],
    ['endpoint', 'endpoint-rate'],
  ] as const)('too many %s: the header says which, and no wait', async (name, reason) => {
    const api = createMockApi({ profile: stripe, limits: { [name]: { limit: 1 } } })
    expect((await send(api, 'customers', 'name=a')).status).toBe(200)
    const refused = await send(api, 'customers', 'name=a')
    expect(refused.headers.get('stripe-rate-limited-reason')).toBe(reason)
    expect(await judged(refused)).toMatchObject({ kind: 'rate-limited', retryable: true, retryAfterMs: undefined })
    vi.advanceTimersByTime(1000)
    expect((await send(api, 'customers', 'name=a')).status).toBe(200)
  })

  it('too many at once, an object that is locked, and a key in use', async () => {
    const api = createMockApi({ profile: stripe, limits: { concurrency: 3 }, latencyMs: 10 })
    const key = { 'idempotency-key': 'one' }
    const first = send(api, 'customers/cus_1', 'name=a', key)
    const answers = Promise.all([
      send(api, 'customers/cus_1', 'name=b'),
      send(api, 'payment_intents', 'amount=1&currency=eur', key),
      send(api, 'customers/cus_2', 'name=b'),
      send(api, 'customers/cus_3', 'name=b'),
      send(api, 'customers/cus_4', 'name=b'),
    ])
    await vi.advanceTimersByTimeAsync(10)
    const verdicts = await Promise.all((await answers).map((answer) => judged(answer)))
    expect(verdicts.map(({ kind, code }) => [kind, code])).toEqual([
      ['concurrency-limited', 'lock_timeout'],
      ['concurrency-limited', 'idempotency_key_in_use'],
      ['ok', undefined],
      ['ok', undefined],
      ['concurrency-limited', 'global-concurrency'],
    ])
    expect((await first).status).toBe(200)
  })

  it('the first answer to a key is given again, and no other', async () => {
    const api = createMockApi({ profile: stripe })
    const key = { 'idempotency-key': 'one' }
    const first = await send(api, 'customers', 'name=a', key)
    const again = await send(api, 'customers', 'name=a', key)
    expect([first, again].map(({ headers }) => headers.get('idempotent-replayed'))).toEqual([null, 'true'])
    expect(await again.json()).toEqual(await first.json())
    const other = await send(api, 'customers', 'name=b', key)
    expect([other.status, await judged(other)]).toMatchObject([400, { kind: 'invalid', retryable: false }])
  })

  it.each([
    [401, 'customers', 'name=a', { authorization: '' }, 'unauthenticated'],
    [401, 'customers', 'name=a', { authorization: 'Bearer sk_invalid' }, 'unauthenticated'],
    [404, 'customers/cus_missing', 'name=a', {}, 'missing'],
    [404, 'nothing', 'name=a', {}, 'missing'],
    [400, 'payment_intents', 'amount=1', {}, 'invalid'],
    // Of the customer, not of the account.
    [402, 'payment_intents', 'amount=1&currency=eur&confirm=true&payment_method=pm_card_chargeDeclined', {}, 'invalid'],
  ])('%i', async (status, path, form, headers, kind) => {
    const refused = await send(createMockApi({ profile: stripe }), path, form, headers)
    expect([refused.status, await judged(refused)]).toMatchObject([status, { kind, retryable: false }])
  })

  it('500 by chance', async () => {
    const api = createMockApi({ profile: stripe, flaky: { rate: 1, kinds: ['500'] } })
    expect(await judged(await send(api, 'customers', 'name=a'))).toMatchObject({
      kind: 'server-error',
      requestId: expect.stringMatching(/^req_/),
    })
  })
})

describe('the profile of Stripe, as its client library reads it', () => {
  const clientOf = (api: ReturnType<typeof createMockApi>, key = 'sk_test_1') =>
    new Stripe(key, { httpClient: Stripe.createFetchHttpClient(api.fetch), maxNetworkRetries: 0, telemetry: false })

  it('objects that are created, read, changed, listed and deleted', async () => {
    const client = clientOf(createMockApi({ profile: stripe }))
    const { id } = await client.customers.create({ name: 'Ada', metadata: { plan: 'pro' } })
    await client.customers.update(id, { email: 'ada@example.com', metadata: { seats: '3' } })
    expect(await client.customers.retrieve(id)).toMatchObject({
      name: 'Ada',
      email: 'ada@example.com',
      metadata: { plan: 'pro', seats: '3' },
    })
    expect((await client.customers.list()).data.map((one) => one.id)).toEqual([id])
    expect(await client.customers.del(id)).toMatchObject({ deleted: true })
    const intent = await client.paymentIntents.create({ amount: 500, currency: 'eur' })
    expect(await client.paymentIntents.retrieve(intent.id)).toMatchObject({
      amount: 500,
      status: 'requires_payment_method',
    })
  })

  it('its error classes', async () => {
    const api = createMockApi({ profile: stripe, limits: { endpoint: { limit: 1 } } })
    const client = clientOf(api)
    const { errors } = Stripe
    const declined = { amount: 1, currency: 'eur', confirm: true, payment_method: 'pm_card_chargeDeclined' }
    expect(await fault(client.paymentIntents.create(declined))).toMatchObject({
      constructor: errors.StripeCardError,
      decline_code: 'generic_decline',
    })
    expect(await fault(client.paymentIntents.create(declined))).toBeInstanceOf(errors.StripeRateLimitError)
    expect(await fault(client.customers.retrieve('cus_missing'))).toMatchObject({
      constructor: errors.StripeInvalidRequestError,
      code: 'resource_missing',
    })
    expect(await fault(clientOf(api, 'sk_invalid').customers.list())).toBeInstanceOf(errors.StripeAuthenticationError)
    const down = clientOf(createMockApi({ profile: stripe, outages: [{ fromMs: 0, toMs: 1000, status: 500 }] }))
    expect(await fault(down.customers.list())).toBeInstanceOf(errors.StripeAPIError)
  })

  it('the answer to a key that was used before', async () => {
    const client = clientOf(createMockApi({ profile: stripe }))
    const create = () => client.customers.create({ name: 'Ada' }, { idempotencyKey: 'one' })
    const [first, second] = [await create(), await create()]
    expect(second.id).toBe(first.id)
    expect((await client.customers.list()).data).toHaveLength(1)
    expect(await fault(client.customers.create({ name: 'Bob' }, { idempotencyKey: 'one' }))).toBeInstanceOf(
      Stripe.errors.StripeIdempotencyError,
    )
  })
})
