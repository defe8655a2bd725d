import { describe, expect, it, vi } from 'vitest'
import { createFetch, type CreateFetchOptions, middleware } from '../src/index.ts'

const URL_A = 'https://api.test/orders'

/** What `call.repeatable` says of a call. */
const repeatableOf = async (
  input: string | Request,
  init: RequestInit,
  repeatable?: CreateFetchOptions['repeatable'],
): Promise<boolean> => {
  let found: boolean | undefined
  const look = middleware('look', async (_request, _next, call) => {
    found = call.repeatable
    return new Response()
  })
  await createFetch([look], { repeatable })(input, init)
  return found as boolean
}

const post = (headers: Record<string, string> = {}, body = 'one'): RequestInit => ({ method: 'POST', body, headers })

describe('whether a request may be sent again although the server may have carried it out', () => {
  it.each(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'QUERY'])('%s: always', async (method) => {
    for (const repeatable of [undefined, [], ['POST'], () => false, () => Promise.reject(new Error('no'))]) {
      expect(await repeatableOf(URL_A, { method }, repeatable as CreateFetchOptions['repeatable'])).toBe(true)
    }
  })

  it('with an idempotency key: always', async () => {
    expect(await repeatableOf(URL_A, post({ 'idempotency-key': 'k' }), () => false)).toBe(true)
  })

  it.each(['POST', 'PATCH', 'MKCOL'])('%s: not by itself', async (method) => {
    expect(await repeatableOf(URL_A, { method })).toBe(false)
  })

  it('all', async () => {
    expect(await repeatableOf(URL_A, post(), 'all')).toBe(true)
    expect(await repeatableOf(new Request(URL_A, post()), {}, 'all')).toBe(true)
  })

  it('a list of methods, in any case', async () => {
    expect(await repeatableOf(URL_A, post(), ['post'])).toBe(true)
    expect(await repeatableOf(URL_A, { ...post(), method: 'PATCH' }, ['POST'])).toBe(false)
  })

  it('a function of the request', async () => {
    const isSearch = vi.fn(({ url }: Request) => url.endsWith('/search'))
    expect(await repeatableOf('https://api.test/search', post(), isSearch)).toBe(true)
    expect(await repeatableOf(URL_A, post(), isSearch)).toBe(false)
    expect(isSearch).toHaveBeenCalledTimes(2)
  })

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('mine')
      },
    ],
    ['answers nothing', () => undefined],
    ['answers 1', () => 1],
    ['answers a word', () => 'yes'],
    ['answers a promise', () => Promise.resolve(true)],
  ])('a function that %s says no', async (_, ask) => {
    expect(await repeatableOf(URL_A, post(), ask as () => boolean)).toBe(false)
  })

  it.each<[unknown, string]>([
    ['POST', "repeatable must be 'all', a list of methods or a function, got 'POST'"],
    [true, "repeatable must be 'all', a list of methods or a function, got true"],
    [null, "repeatable must be 'all', a list of methods or a function, got null"],
    [{}, "repeatable must be 'all', a list of methods or a function, got object"],
    [['POST', 1], 'repeatable[1] must be a string, got 1'],
  ])('anything else is an error at creation: %j', (repeatable, message) => {
    expect(() => createFetch([], { repeatable } as CreateFetchOptions)).toThrow(`createFetch: ${message}`)
  })
})

describe('a client library says of its requests that it repeats them', () => {
  it('the Stainless SDKs', async () => {
    expect(await repeatableOf(URL_A, post({ 'X-Stainless-Retry-Count': '0' }))).toBe(true)
    expect(await repeatableOf(URL_A, post({ 'X-Stainless-Retry-Count': '2' }), ['PATCH'])).toBe(true)
    expect(await repeatableOf(URL_A, post({ 'X-Stainless-Retry-Count': '' }))).toBe(false)
    expect(await repeatableOf(URL_A, post({ 'X-Stainless-Lang': 'js' }))).toBe(false)
  })

  it('but the word of a function counts more', async () => {
    expect(await repeatableOf(URL_A, post({ 'X-Stainless-Retry-Count': '0' }), () => false)).toBe(false)
  })

  const graphql = (query: unknown, url = 'https://api.test/graphql', headers = {}): Promise<boolean> =>
    repeatableOf(url, post(headers, JSON.stringify({ query, variables: { a: 'mutation' } })))

  it.each([
    '{ me { id } }',
    'query { me { id } }',
    'query Me($a: In = { b: "}" }, $c: [Int!] = [1]) @cached(ttl: 1) { me(a: $a) { id } }',
    'query A { a } query B { b }',
    'fragment F on T { a } query { ...F }',
    'query { ...F ... on T @skip(if: true) { b } } fragment F on T { mutation subscription }',
    '# mutation { a }\nquery { a } # mutation',
    'query { a(text: "mutation { b }", long: """mutation "{" \\""" {""") }',
    '\n\t,query,{ a }',
  ])('a GraphQL query: %s', async (query) => {
    expect(await graphql(query)).toBe(true)
  })

  it.each([
    'mutation { a }',
    'mutation A($b: Int) { a }',
    'query A { a } mutation B { b }',
    'fragment F on T { a } mutation { ...F }',
    'subscription { a }',
    '"""query""" mutation { a }',
    'query { a(text: "\\"") } mutation { b }',
    'type Query { a: Int }',
    'query',
    'query { a',
    'query { a } }',
    'DELETE FROM orders',
    '',
    undefined,
    7,
    { match: {} },
  ])('no GraphQL query, or not certainly one: %s', async (query) => {
    expect(await graphql(query)).toBe(false)
  })

  it('where the address or the media type that is asked for says that it is GraphQL', async () => {
    const query = '{ a }'
    expect(await graphql(query, 'https://api.test/graphql/v1?x=1')).toBe(true)
    expect(await graphql(query, 'https://shop.test/admin/api/2026-01/graphql.json')).toBe(true)
    expect(await graphql(query, 'https://graphql.test/')).toBe(true)
    expect(await graphql(query, 'https://api.test/v2', { accept: 'application/graphql-response+json' })).toBe(true)
    expect(await graphql(query, 'https://api.test/search')).toBe(false)
    expect(await graphql(query, 'https://api.test/search?type=graphql')).toBe(false)
  })

  it('a batch of them, if all are queries', async () => {
    const send = (...queries: readonly string[]): Promise<boolean> =>
      repeatableOf('https://api.test/graphql', post({}, JSON.stringify(queries.map((query) => ({ query })))))
    expect(await send('{ a }', 'query { b }')).toBe(true)
    expect(await send('{ a }', 'mutation { b }')).toBe(false)
    expect(await send()).toBe(false)
  })

  it('not where that takes reading a body, nor where it is no JSON', async () => {
    const url = 'https://api.test/graphql'
    const body = JSON.stringify({ query: '{ a }' })
    expect(await repeatableOf(new Request(url, post({}, body)), {})).toBe(false)
    expect(await repeatableOf(url, { method: 'POST', body: new TextEncoder().encode(body) })).toBe(false)
    expect(await repeatableOf(url, { method: 'POST', body: new Blob([body]) })).toBe(false)
    expect(await repeatableOf(url, post({}, body.slice(1)))).toBe(false)
    expect(await repeatableOf(url, post({}, 'null'))).toBe(false)
  })
})
