import { type Context, Hono } from 'hono'
import { paced } from './bodies.ts'
import type { Settings } from './options.ts'
import { type Bindings, mountProfile } from './profile.ts'
import { hash, pick, randomFrom } from './random.ts'

interface Place {
  readonly country: string
  readonly countryCode: string
  readonly city: string
  readonly latitude: number
  readonly longitude: number
  readonly timezone: string
}

const PLACES: readonly [Place, ...Place[]] = [
  { country: 'Norway', countryCode: 'NO', city: 'Bergen', latitude: 60.39, longitude: 5.32, timezone: 'Europe/Oslo' },
  {
    country: 'Kenya',
    countryCode: 'KE',
    city: 'Nairobi',
    latitude: -1.29,
    longitude: 36.82,
    timezone: 'Africa/Nairobi',
  },
  { country: 'Japan', countryCode: 'JP', city: 'Sapporo', latitude: 43.06, longitude: 141.35, timezone: 'Asia/Tokyo' },
  {
    country: 'Brazil',
    countryCode: 'BR',
    city: 'Recife',
    latitude: -8.05,
    longitude: -34.9,
    timezone: 'America/Recife',
  },
  {
    country: 'Canada',
    countryCode: 'CA',
    city: 'Halifax',
    latitude: 44.65,
    longitude: -63.58,
    timezone: 'America/Halifax',
  },
  { country: 'India', countryCode: 'IN', city: 'Kochi', latitude: 9.93, longitude: 76.27, timezone: 'Asia/Kolkata' },
]

const CARRIERS = ['Northwind Telecom', 'Meridian Fibre', 'Blue Atlas Networks', 'Orchard Mobile'] as const

const isAddress = (ip: string): boolean =>
  /^(\d{1,3}\.){3}\d{1,3}$/.test(ip)
    ? ip.split('.').every((part) => Number(part) < 256)
    : /^[\da-f:.]*:[\da-f:.]*$/i.test(ip)

export type App = Hono<{ Bindings: Bindings }>

/** The user's routes first, so that they win, then the profile's or the built-in ones. */
export const createRoutes = (settings: Settings, balance: () => { spent: number; left: number }): App => {
  const app: App = new Hono()
  settings.routes(app as unknown as Hono)
  if (settings.profile !== undefined) {
    mountProfile(app, settings.profile.profile)
    return app
  }

  app.get('/v1/lookup/:ip', (c) => {
    const ip = c.req.param('ip')
    if (!isAddress(ip)) return c.json({ message: `'${ip}' is not a valid IP address.` }, 400)
    if (settings.hasNoRecord(ip)) return c.json({ message: `No record found for '${ip}'.` }, 404)
    const random = randomFrom(settings.seed, 'lookup', ip)
    const place = pick(random, PLACES)
    return c.json({ ip, ...place, asn: 1000 + Math.floor(random() * 60_000), isp: pick(random, CARRIERS) })
  })

  app.all('/v1/echo', async (c) => {
    const bytes = new Uint8Array(await c.req.arrayBuffer())
    return c.json({
      method: c.req.method,
      url: c.req.url,
      headers: c.req.header(),
      body: {
        bytes: bytes.length,
        fnv1a: hash(bytes).toString(16).padStart(8, '0'),
        text: bytes.length <= 65_536 ? new TextDecoder().decode(bytes) : undefined,
      },
    })
  })

  app.get('/v1/stream', (c) => {
    const chunks = wholeOf(c, 'chunks', 10, 1, 1_000_000)
    const intervalMs = wholeOf(c, 'intervalMs', 100, 0, 600_000)
    const format = c.req.query('format') ?? 'ndjson'
    if (chunks === undefined) return c.json({ message: 'chunks must be a whole number from 1 to 1000000.' }, 400)
    if (intervalMs === undefined) return c.json({ message: 'intervalMs must be a whole number from 0 to 600000.' }, 400)
    if (format !== 'ndjson' && format !== 'sse') return c.json({ message: "format must be 'ndjson' or 'sse'." }, 400)
    const encoder = new TextEncoder()
    const stream = paced(chunks, intervalMs, (index) => {
      const record = JSON.stringify({ index, of: chunks })
      return encoder.encode(format === 'sse' ? `data: ${record}\n\n` : `${record}\n`)
    })
    return c.body(stream, 200, { 'content-type': format === 'sse' ? 'text/event-stream' : 'application/x-ndjson' })
  })

  app.get('/v1/balance', (c) => {
    const { spent, left } = balance()
    return c.json({ credits: { spent, left: Number.isFinite(left) ? left : null } })
  })
  return app
}

const wholeOf = (c: Context, name: string, byDefault: number, min: number, max: number): number | undefined => {
  const value = Number(c.req.query(name) ?? byDefault)
  return Number.isInteger(value) && value >= min && value <= max ? value : undefined
}

/** The route's pattern, never the path itself: statistics stay bounded whatever is asked for. */
export const routeName = (app: App, method: string, path: string): string | undefined => {
  const route = app.router.match(method === 'HEAD' ? 'GET' : method, path)[0].at(-1)?.[0][1]
  return route === undefined ? undefined : `${route.method} ${route.path}`
}
