import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { respond } from '@aplomb/mock-api'
import { middleware, type CallEvent, type Middleware } from '@aplomb/pipeline'
import { sentence } from '../src/sentence.ts'
import { logged } from './helpers.ts'
import { fieldName, password, token } from '../../aplomb/test/support/secrets.ts'

const scenario = fc.record({
  secret: token,
  name: fieldName,
  word: password,
  place: fc.constantFrom('query', 'bare-query', 'path', 'header', 'json-body', 'form-body', 'key', 'nowhere'),
  echo: fc.constantFrom(
    'message',
    'text',
    'html',
    'nested',
    'header',
    'url',
    'error',
    'cause',
    'aggregate',
    'custom-header',
  ),
  status: fc.constantFrom(200, 400, 401, 402, 403, 404, 422, 429, 500, 503),
})

const answer = (echo: string, status: number, secret: string, field: string) => {
  const failure = (message: string, options?: ErrorOptions): Error => new TypeError(message, options)
  switch (echo) {
    case 'message':
      return { status, body: { error: { message: `Incorrect key provided: ${secret}.`, code: secret } } }
    case 'text':
      return { status, headers: { 'content-type': 'text/plain' }, body: `denied for ${field}=${secret}; retry` }
    case 'html':
      return {
        status,
        headers: { 'content-type': 'text/html' },
        body: `<html><body>token <b>${secret}</b></body></html>`,
      }
    case 'nested':
      return { status, body: { message: 'no', echo: { request: [{ [field]: secret }] } } }
    case 'header':
      return { status, headers: { 'retry-after': '1', server: secret, 'x-ratelimit-limit': secret } }
    case 'custom-header':
      return { status, headers: { [field]: secret } }
    case 'url':
      return {
        status,
        body: { message: `GET https://user:${secret}@api.example.com/${secret}?${field}=${secret} failed` },
      }
    case 'error':
      return failure(`connect to https://api.example.com/?${field}=${secret} failed`)
    case 'cause':
      return failure('fetch failed', {
        cause: failure('socket', { cause: Object.assign(failure(`at ${secret}`), { code: secret }) }),
      })
    default:
      return failure('fetch failed', { cause: new AggregateError([failure(`tried ${secret}`)], 'all failed') })
  }
}

const requestWith = (place: string, secret: string, field: string): [string, RequestInit] => {
  const url = 'https://api.example.com/v1/things'
  const post = (body: string, type: string): [string, RequestInit] => [
    url,
    { method: 'POST', body, headers: { 'content-type': type } },
  ]
  switch (place) {
    case 'query':
      return [`${url}?${field}=${encodeURIComponent(secret)}&page=2`, {}]
    case 'bare-query':
      return [`${url}?${encodeURIComponent(secret)}`, {}]
    case 'path':
      return [`${url}/${encodeURIComponent(secret)}/items`, {}]
    case 'header':
      return [url, { headers: { [`x-${field}`]: secret, authorization: `Bearer ${secret}` } }]
    case 'json-body':
      return post(JSON.stringify({ [field]: secret }), 'application/json')
    case 'form-body':
      return post(new URLSearchParams({ [field]: secret }).toString(), 'application/x-www-form-urlencoded')
    default:
      return [url, {}]
  }
}

/** Says all that can be said in events, with the answer's words in them. */
const chatty = (secret: string): Middleware =>
  middleware('chatty', async (request, next, call) => {
    const said = `Incorrect key: ${secret}`
    const say = (event: object): void => call.emit({ call: call.id, key: secret, by: said, ...event } as CallEvent)
    say({ type: 'queue', queued: 1, active: 1, limit: 1 })
    say({ type: 'limit', limit: 1, previous: 2, reason: said })
    say({ type: 'hold', reason: said, waitMs: 2000 })
    say({ type: 'alert', condition: said, message: said })
    say({ type: 'retry', attempt: 1, reason: said, waitMs: 0 })
    call.giveUp(said, said)
    return next(request)
  })

describe('10. no secret ever appears in a record', () => {
  test('wherever it was put, and wherever the server or an error repeats it', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ secret, name: field, place, echo, status }) => {
        const keyed = place === 'key' ? { key: secret } : {}
        const { fetch, records } = logged(respond(answer(echo, status, secret, field)), {}, [], keyed)
        await fetch(...requestWith(place, secret, field)).catch(() => undefined)
        expect(records).toHaveLength(2)
        const all = JSON.stringify(records)
        expect(all).not.toContain(secret)
        expect(all).not.toContain(encodeURIComponent(secret))
      }),
      { numRuns: 1000 },
    )
  })

  test('nor what any event says, as a record or as a sentence', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ secret, name: field, place }) => {
        const { fetch, records } = logged(respond(402), {}, [chatty(secret)])
        await fetch(...requestWith(place, secret, field))
        expect(records.map(({ event }) => event)).toEqual(['limit', 'hold', 'alert', 'retry', 'attempt', 'call'])
        const all = [JSON.stringify(records), ...records.map(sentence)].join('\n')
        expect(all).not.toContain(secret)
        expect(all).not.toContain(encodeURIComponent(secret))
      }),
      { numRuns: 300 },
    )
  })

  test('not even a plain word, if the request holds it as a secret', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ word, place, echo, status }) => {
        fc.pre(place === 'query' || place === 'header')
        const { fetch, records } = logged(respond(answer(echo, status, word, 'note')))
        await fetch(...requestWith(place, word, 'api-key')).catch(() => undefined)
        expect(records).toHaveLength(2)
        expect(JSON.stringify(records)).not.toContain(word)
      }),
      { numRuns: 300 },
    )
  })

  test('nor a key that the server shows, in a message or in a body', async () => {
    const key = `sk-proj-${'abcdefghij'.repeat(4)}`
    const { fetch, records } = logged(respond({ status: 500, body: { message: `bad key ${key}`, sent: [key] } }))
    await fetch('https://api.example.com/')
    expect(records[0]).toMatchObject({
      message: 'bad key [redacted]',
      body: '{"message":"bad key [redacted]","sent":["[redacted]"]}',
    })
    expect(JSON.stringify(records)).not.toContain(key.slice(-12))
  })
})

describe('11. users extend the redaction', () => {
  test('by names that may be shown, and by a function that takes out more', async () => {
    const redact = {
      query: ['IP'],
      headers: ['X-Tenant'],
      text: (text: string) => text.replaceAll('Acme', '[customer]'),
    }
    const failure = {
      status: 400,
      body: { message: 'Acme may not ask for 10.0.0.1 or blue' },
      headers: { 'x-tenant': 'green' },
    }
    const { fetch, records } = logged(respond(failure), { redact })
    await fetch('https://api.example.com/x?ip=10.0.0.1&colour=blue', { headers: { 'x-tenant': 'red' } })
    expect(records[0]).toMatchObject({
      url: 'https://api.example.com/x?ip=10.0.0.1&colour=[redacted]',
      message: '[customer] may not ask for 10.0.0.1 or blue',
      requestHeaders: { 'x-tenant': 'red' },
      responseHeaders: { 'x-tenant': 'green' },
    })
  })

  test('a function that throws leaves the text out', async () => {
    const report = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const redact = {
      text: (): string => {
        throw new Error('no')
      },
    }
    const { fetch, records } = logged(respond({ status: 400, body: { message: 'Acme' } }), { redact })
    await fetch('https://api.example.com/')
    expect(records[0]).toMatchObject({ message: '[redacted]' })
    expect(report).toHaveBeenCalled()
  })
})

describe('12. texts are bounded', () => {
  test('in every part of a record', async () => {
    const text = 'a word, '.repeat(12_000)
    const headers = { 'content-type': 'text/plain', 'x-request-id': text.trim() }
    const { fetch, records } = logged(respond({ status: 500, headers, body: text }, new TypeError(text)))
    const url = `https://api.example.com/${encodeURI(text.slice(0, 20_000))}`
    await fetch(url, { headers: { accept: text } })
    await fetch(url).catch(() => 0)
    expect(records).toHaveLength(4)
    expect(JSON.stringify(records).length).toBeLessThan(24_000)
  })

  test('and a key that the bound cuts through is not shown in part', async () => {
    for (let length = 1900; length < 2010; length++) {
      const body = `${'word '.repeat(length / 5)}${'abcd'.slice(0, length % 5)} sk-${'abcdefghij'.repeat(4)}`
      const { fetch, records } = logged(respond({ status: 500, headers: { 'content-type': 'text/plain' }, body }))
      await fetch('https://api.example.com/')
      expect(JSON.stringify(records)).not.toContain('sk-abcd')
    }
  })
})
