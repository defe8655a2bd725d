// Shopify: shopify.dev, "API limits", "Response status and error codes", "Rate limits" of the GraphQL Admin API; answers in
// the wild as collected in November 2026. The limits are those of the standard plan.
import type { Call, Handler, Problems, Profile, Reply } from '../profile.ts'
import { type Fields, fieldsOf, isFields, isMissing, keyFault } from './values.ts'

type Limit = 'rest' | 'points'

const error = (status: number, errors: unknown): Reply => ({ status, body: { errors } })

const product = (id: number, title: string) => ({ id, title, vendor: 'Mock', status: 'active', variants: [], tags: '' })

const PRODUCTS = Array.from({ length: 3 }, (_, i) => product(i + 1, `Product ${i + 1}`))

const createProduct: Handler<Limit> = (call) => {
  const { product: given } = fieldsOf(call)
  if (!isFields(given)) return error(400, { product: 'Required parameter missing or invalid' })
  if (typeof given['title'] !== 'string' || given['title'] === '') return error(422, { title: ["can't be blank"] })
  const id = Number(call.memory.get('products') ?? PRODUCTS.length) + 1
  call.memory.set('products', id)
  return { status: 201, body: { product: product(id, given['title']) } }
}

/** More than that, no query may ask for at once. */
const MAX_COST = 1000

/** A connection is 2 and what it may hold, inside the one before; a mutation is 10. */
const costOf = (call: Call<Limit>): number => {
  const { query } = fieldsOf(call)
  if (typeof query !== 'string') return 0
  let nodes = 1
  let cost = /^\s*mutation\b/.test(query) ? 10 : 1
  for (const [, count] of query.matchAll(/\b(?:first|last)\s*:\s*(\d+)/g)) {
    cost += 2 * nodes
    nodes *= Number(count)
    cost += nodes
  }
  return cost
}

const costs = (call: Call<Limit>, actualQueryCost: number | null): Fields => {
  const { limit = 0, remaining = 0, perSecond = 0 } = call.window('points') ?? {}
  const throttleStatus = { maximumAvailable: limit, currentlyAvailable: remaining, restoreRate: perSecond }
  return { cost: { requestedQueryCost: costOf(call), actualQueryCost, throttleStatus } }
}

const graphql: Handler<Limit> = (call) => {
  const requested = costOf(call)
  if (requested === 0) return error(400, { query: 'Required parameter missing or invalid' })
  if (requested > MAX_COST) {
    const extensions = { code: 'MAX_COST_EXCEEDED', cost: requested, maxCost: MAX_COST }
    const message = `Query cost is ${requested}, which exceeds the single query max cost limit (${MAX_COST}).`
    return { body: { errors: [{ message, extensions }] } }
  }
  // Less than was asked for is there, and the difference is given back.
  const actual = Math.min(requested, 1 + Math.floor(call.random() * requested))
  call.take('points', actual - requested)
  const nodes = PRODUCTS.map(({ id, title }) => ({ id: `gid://shopify/Product/${id}`, title }))
  const data = { shop: { name: 'Mock' }, products: { nodes, edges: nodes.map((node) => ({ node })) } }
  return { body: { data, extensions: costs(call, actual) } }
}

const FAILURES: Readonly<Record<number, string>> = {
  402: 'Unavailable Shop',
  403: '[API] This action requires merchant approval for read_products scope.',
  423: 'Locked',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
}

const problems: Problems<Limit> = {
  window({ name, window, waitMs }, call) {
    if (name === 'points') {
      const extensions = { code: 'THROTTLED', documentation: 'https://shopify.dev/api/usage/rate-limits' }
      return { body: { errors: [{ message: 'Throttled', extensions }], extensions: costs(call, null) } }
    }
    return {
      ...error(
        429,
        `Exceeded ${window.perSecond} calls per second for api client. Reduce request rates to resume uninterrupted service.`,
      ),
      headers: { 'retry-after': (Math.ceil(waitMs / 100) / 10).toFixed(1) },
    }
  },
  route: () => error(404, 'Not Found'),
  failure({ status, waitMs }) {
    const reply = error(status, FAILURES[status] ?? 'The request was refused.')
    return waitMs === undefined ? reply : { ...reply, headers: { 'retry-after': (waitMs / 1000).toFixed(1) } }
  },
}

const GRAPHQL = 'POST /admin/api/:version/graphql.json'

export const shopify: Profile<Limit> = {
  name: 'shopify',
  limits: {
    rest: { kind: 'bucket', limit: 2, windowMs: 1000, burst: 40 },
    /** Of GraphQL, by what a query asks for. */
    points: { kind: 'bucket', limit: 100, windowMs: 1000, burst: 2000 },
  },
  routes: {
    'GET /admin/api/:version/shop.json': () => ({ body: { shop: { id: 1, name: 'Mock', plan_name: 'basic' } } }),
    'GET /admin/api/:version/products.json': () => ({ body: { products: PRODUCTS } }),
    'POST /admin/api/:version/products.json': createProduct,
    'GET /admin/api/:version/products/:id{.+\\.json}': (_, { id = '' }) => {
      const name = id.slice(0, -'.json'.length)
      return isMissing(name) ? error(404, 'Not Found') : { body: { product: product(Number(name), `Product ${name}`) } }
    },
    [GRAPHQL]: graphql,
  },
  weigh(call) {
    if (call.route !== GRAPHQL) return { rest: 1 }
    const cost = costOf(call)
    return { points: cost > MAX_COST ? 0 : cost }
  },
  admit({ headers }) {
    return keyFault(headers.get('x-shopify-access-token')) === undefined
      ? undefined
      : error(401, '[API] Invalid API key or access token (unrecognized login or wrong password)')
  },
  headers: ({ windows: { rest } }, { id }) => ({
    ...(rest && { 'x-shopify-shop-api-call-limit': `${rest.limit - rest.remaining}/${rest.limit}` }),
    'x-request-id': id,
  }),
  problems,
}
