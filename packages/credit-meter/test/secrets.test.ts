import fc from 'fast-check'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { classify, type Rule } from '@aplomb/classify'
import { createFetch } from '@aplomb/pipeline'
import { respond, type ScriptEntry } from '@aplomb/mock-api'
import { BudgetExceededError, creditMeter, type CreditAlert, type CreditMeterOptions } from '../src/index.ts'
import { ALPHANUMERIC, drawn, password, token } from '../../aplomb/test/support/secrets.ts'

/** What is called so is an id, which stays. */
const OF_IDS =
  /^[\W_]*(?:ids?|ref|sku|arn|ray|sha|md|etag|guid|uuid|node|trace|parent|number|object|commit|digest)[\W\d_]*$/i

/** Any other name that a header can have. */
const name = drawn(`${ALPHANUMERIC}!#$%&'*+-.^_|~`, 1)
  .map((one) => one.slice(0, 16))
  .filter((one) => !OF_IDS.test(one))

/** Worse than any API: the whole body becomes the reason for the verdict. */
const parrot: Rule = {
  name: 'parrot',
  judge: ({ status, text }) => ({ kind: status === 402 ? 'billing' : 'quota-exhausted', sign: text, code: text }),
}

const HELD = ['query', 'header', 'basic'] as const
const PLACES = [...HELD, 'bare-query', 'path', 'key', 'endpoint'] as const
type Place = (typeof PLACES)[number]

const scenario = fc.record({
  secret: token,
  word: password,
  name,
  place: fc.constantFrom(...PLACES),
  held: fc.constantFrom(...HELD),
  echo: fc.constantFrom('json', 'text', 'url', 'policy'),
  status: fc.constantFrom(402, 429),
})

const URL_B = 'https://api.example.com/v1/things'

const requestWith = (place: Place, secret: string, field: string): [string, RequestInit] => {
  const encoded = encodeURIComponent(secret)
  if (place === 'query') return [`${URL_B}?${encodeURIComponent(field)}=${encoded}&page=2`, {}]
  if (place === 'bare-query') return [`${URL_B}?${encoded}`, {}]
  if (place === 'path') return [`${URL_B}/${encoded}/items`, {}]
  if (place === 'header') return [URL_B, { headers: { [field]: secret } }]
  // What becomes of userinfo: no Request can hold it.
  if (place === 'basic') return [URL_B, { headers: { authorization: `Basic ${btoa(`me:${secret}`)}` } }]
  return [URL_B, {}]
}

const optionsFor = (place: Place, secret: string): CreditMeterOptions =>
  place === 'endpoint' ? { endpoint: ({ url }) => `${url}?api-key=${secret}` } : {}

const answer = (echo: string, status: number, secret: string, field: string): ScriptEntry => {
  const headers = { 'x-credits-charged': '9' }
  if (echo === 'json') return { status, headers, body: { error: { message: `no: ${secret}`, [field]: secret } } }
  if (echo === 'url') return { status, headers, body: `GET https://me:${secret}@${URL_B.slice(8)}/${secret} failed` }
  if (echo === 'policy') return { status, headers: { ...headers, ratelimit: `"${secret}";r=0;t=9` }, body: secret }
  return { status, headers, body: `denied for ${field}=${secret}` }
}

/** All that is said of three calls: one that crosses a threshold, one that is refused for want of money, one too many. */
const tellAll = async (
  { echo, status, name: field }: { echo: string; status: number; name: string },
  place: Place,
  secret: string,
): Promise<string> => {
  const alerts: CreditAlert[] = []
  const meter = creditMeter({
    budget: 9,
    stopAt: 100,
    thresholds: [10, 100],
    onAlert: (alert) => alerts.push(alert),
    ...optionsFor(place, secret),
  })
  const fetch = createFetch([meter, classify({ rules: [parrot] })], {
    fetch: respond({ headers: { 'x-credits-charged': '1' } }, answer(echo, status, secret, field)),
    ...(place === 'key' && { key: secret }),
  })
  await fetch(...requestWith(place, secret, field))
  await fetch(...requestWith(place, secret, field))
  const error: unknown = await fetch(...requestWith(place, secret, field)).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(BudgetExceededError)
  expect((error as BudgetExceededError).key).toBe(place === 'key' ? secret : 'https://api.example.com')
  expect(alerts.map(({ condition }) => condition)).toEqual([
    'threshold',
    status === 402 ? 'billing' : 'quota-exhausted',
  ])
  return JSON.stringify([alerts, inspect(alerts, { depth: 9 }), String(error), inspect(error), error])
}

describe('14. no secret is in an alert or in an error', () => {
  test('wherever it was put, and wherever the server repeats it', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async (one) => {
        const all = await tellAll(one, one.place, one.secret)
        expect(all).not.toContain(one.secret)
        expect(all).not.toContain(encodeURIComponent(one.secret))
      }),
      { numRuns: process.env['DEEP'] ? 3000 : 500 },
    )
  })

  test('not even a plain word, if the request holds it as a secret', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async (one) => {
        expect(await tellAll({ ...one, name: 'api-key' }, one.held, one.word)).not.toContain(one.word)
      }),
      { numRuns: process.env['DEEP'] ? 1000 : 200 },
    )
  })

  test('nor in what is said of a bad option', () => {
    const make = () => creditMeter({ store: 'redis://me:opensesame@localhost' as never })
    expect(make).toThrow(TypeError)
    expect(make).not.toThrow('opensesame')
  })
})
