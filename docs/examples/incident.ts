import { createMockApi } from '@aplomb/mock-api'
import { aplomb, type AplombOptions } from 'aplomb'
import pino from 'pino'
import winston from 'winston'

/** Some bad seconds: a ceiling and a window that are used up, an outage, an account that runs out, a wrong key. */
export const incident = async (log: AplombOptions['log'], key: string): Promise<void> => {
  const api = createMockApi({
    concurrency: 3,
    latencyMs: 100,
    windows: [{ limit: 40, windowMs: 3000 }],
    outages: [{ fromMs: 3500, toMs: 5000, status: 503, retryAfter: false }],
    credits: { balance: 95 },
    exempt: ({ url }) => url.includes('/v1/report'),
    routes: (app) => app.get('/v1/report', (c) => c.json({ message: `Unknown key ${c.req.query('apiKey')}` }, 401)),
  })
  const fetch = aplomb({ fetch: api.fetch, creditMeter: { budget: 100 }, log })
  const ask = (path: string): Promise<Response> =>
    fetch(`https://api.test${path}?apiKey=${key}`, { headers: { authorization: `Bearer ${key}` } })
  const lookups = (count: number): Promise<unknown> =>
    Promise.all(Array.from({ length: count }, (_, i) => ask(`/v1/lookup/192.0.2.${i}`)))

  await lookups(12)
  await lookups(60)
  await lookups(30)
  await ask('/v1/report')
}

// `node incident.ts pino`, `winston`, `console`; or `DEBUG=aplomb:* node incident.ts`
const sinks: Readonly<Record<string, () => AplombOptions['log']>> = {
  pino: () => ({ sink: pino() }),
  winston: () => ({ sink: winston.createLogger({ transports: [new winston.transports.Console()] }) }),
  console: () => ({ sink: console }),
}
if (import.meta.main) await incident(sinks[process.argv[2] ?? '']?.(), process.env['API_KEY'] ?? 'k3yThatNobodyMayRead')
