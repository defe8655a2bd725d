import { again, outcomeOf } from './support.js'

const METHODS = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'QUERY',
  'PURGE',
  'TRACE',
  'CONNECT',
  'post',
  'patch',
]

/** Neither of these is sent again after a POST. */
const STATUSES = [200, 201, 204, 400, 401, 402, 403, 404, 409, 410, 422, 500, 501, 502]

/** What `fetch` itself refuses, in its own words and at once. */
const REFUSED = {
  'no URL': (fetch) => fetch('no URL'),
  'an unknown scheme': (fetch) => fetch('gopher://127.0.0.1/'),
  'a blocked port': (fetch) => fetch('http://127.0.0.1:1/'),
  'a body with GET': (fetch, url) => fetch(url, { method: 'GET', body: 'body' }),
  'an invalid method': (fetch, url) => fetch(url, { method: 'in valid' }),
  'an invalid header': (fetch, url) => fetch(url, { headers: { 'in valid': '1' } }),
  'an invalid redirect': (fetch, url) => fetch(url, { redirect: 'sometimes' }),
  'credentials in the URL': (fetch, url) => fetch(url.replace('http://', 'http://user:secret@')),
  'a used body': async (fetch, url) => {
    const request = new Request(url, { method: 'POST', body: 'body' })
    await request.text()
    return fetch(request)
  },
}

export const requests = {
  'the server answers': async ({ fetch, base }) => {
    const { status } = await fetch(`${base}/echo`)
    if (status !== 200) throw new Error(`it answers ${status}`)
    return status
  },

  'every package loads': async ({ packages, isServer }) => {
    const loaded = []
    for (const [name, load] of Object.entries(packages)) {
      if (name.endsWith('/server') && !isServer) continue
      const module = await load()
      loaded.push([name, Object.keys(module).length > 0])
    }
    return loaded
  },

  ...Object.fromEntries(
    METHODS.map((method) => [
      `method ${method}`,
      async ({ fetch, base }) => [
        await outcomeOf(() => fetch(`${base}/echo`, { method }), base),
        await outcomeOf(() => fetch(new Request(`${base}/echo`, { method })), base),
      ],
    ]),
  ),

  'a URL object, a query, a fragment': async ({ fetch, base }) => [
    await outcomeOf(() => fetch(new URL(`${base}/echo/%C3%A9?q=a%20b+c#part`)), base),
    await outcomeOf(() => fetch(`${base}/echo/é?q=ä`), base),
  ],

  'headers in every form': async ({ fetch, base }) => {
    const pairs = [
      ['x-first', '1'],
      ['x-second', ' two '],
      ['content-type', 'application/x-own'],
    ]
    const outcomes = []
    for (const headers of [pairs, Object.fromEntries(pairs), new Headers(pairs)]) {
      const init = { method: 'POST', headers, body: '{}' }
      outcomes.push(await outcomeOf(() => fetch(`${base}/echo`, init), base))
      outcomes.push(await outcomeOf(() => fetch(new Request(`${base}/echo`, init)), base))
      outcomes.push(
        await outcomeOf(() => fetch(new Request(`${base}/echo`, init), { headers: { 'x-other': '3' } }), base),
      )
    }
    return outcomes
  },

  'every status': async ({ make, base }) => {
    const outcomes = []
    for (const status of STATUSES)
      outcomes.push(await outcomeOf(() => make()(`${base}/status/${status}`, { method: 'POST', body: '{}' }), base))
    return outcomes
  },

  'the last answer of four': async ({ fetch, base, kind }) =>
    outcomeOf(() => again(kind, () => fetch(`${base}/status/503`)), base),

  ...Object.fromEntries(
    Object.entries(REFUSED).map(([name, send]) => [
      `refused by fetch: ${name}`,
      ({ fetch, base }) => outcomeOf(() => send(fetch, `${base}/echo`), base),
    ]),
  ),
}
