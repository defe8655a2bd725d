import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { endpointOf } from '../src/index.ts'

describe('an endpoint is the path with :id for what differs from call to call', () => {
  test.each([
    ['/', '/'],
    ['', '/'],
    ['/v1/lookup/8.8.8.8', '/v1/lookup/:id'],
    ['/v1/lookup/2001:db8::1', '/v1/lookup/:id'],
    ['/v1/lookup/%5B2001:db8::1%5D', '/v1/lookup/:id'],
    ['/v2/users/12345/orders/7', '/v2/users/:id/orders/:id'],
    ['/users/b6b4e1c2-7d5f-4e7a-9c1d-0f2a3b4c5d6e', '/users/:id'],
    ['/commits/9fceb02d0ae598e95dc970b74767f19372d61af8', '/commits/:id'],
    ['/users/ann%40example.com', '/users/:id'],
    ['/users/ann@example.com', '/users/:id'],
    ['/customers/cus_9s6XKzkNRiz8i3', '/customers/:id'],
    ['/geo/48.2082,16.3738', '/geo/:id'],
    ['/days/2026-11-22', '/days/:id'],
    ['/orders/ORD-12345', '/orders/:id'],
    ['/v1/chat/completions', '/v1/chat/completions'],
    ['/v1.0/ip-geolocation_bulk', '/v1.0/ip-geolocation_bulk'],
    ['/api/chat.postMessage', '/api/chat.postMessage'],
    ['/oauth2/token', '/oauth2/token'],
    ['/models/llama3-70b', '/models/llama3-70b'],
    ['/geocode/json?key=secret#x', '/geocode/json'],
    ['/k/aGkQzLpWvRtYbNmXcD', '/k/:id'],
    ['/v1/listRecentPurchasesByCustomer', '/v1/listRecentPurchasesByCustomer'],
    [`/t/${'a'.repeat(41)}`, '/t/:id'],
  ])('%s', (path, endpoint) => {
    expect(endpointOf(`https://user@api.example.com${path}`)).toBe(endpoint)
  })

  test('whatever the URL, it takes no time, and numbers, UUIDs and hashes never make a row', () => {
    const id = fc.oneof(
      fc.nat().map(String),
      fc.uuid(),
      fc.ipV4(),
      fc.ipV6(),
      fc.emailAddress(),
      fc.stringMatching(/^[0-9a-f]{32}$/),
    )
    fc.assert(fc.property(id, (one) => endpointOf(`https://a.example/x/${encodeURIComponent(one)}/y`) === '/x/:id/y'))
    fc.assert(
      fc.property(
        id,
        (one) => endpointOf(new URL(`https://a.example/x/${one.replaceAll(/[?#/]/g, '')}/y`).href) === '/x/:id/y',
      ),
    )
    const before = process.cpuUsage()
    for (const part of ['a-', '1:', ':', 'a1', '.', '/', 'f']) endpointOf(`https://a.example/${part.repeat(50_000)}`)
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(200)
  })
})
