import { classify } from '@aplomb/classify'
import { createFetch, type CreateFetchOptions, type Fetch, type Middleware } from '@aplomb/pipeline'
import { alert, type Alert, type AlertOptions, type Alerts } from '../src/index.ts'

export const API = 'https://api.example.com'
export const URL_A = `${API}/v1/lookup/8.8.8.8`

/** A pipeline of alert, the middlewares below it, and classify; with what it told. */
export const alerted = (
  inner: Fetch,
  options: AlertOptions = {},
  below: readonly Middleware[] = [],
  pipeline: CreateFetchOptions = {},
): { fetch: Fetch; alerts: Alerts; told: Alert[] } => {
  const told: Alert[] = []
  const alerts = alert({ to: (one) => void told.push(one), ...options })
  return { told, alerts, fetch: createFetch([alerts, ...below, classify()], { ...pipeline, fetch: inner }) }
}

/** The answers that a test sets as it goes. */
export const changing = (): Fetch & { answer: () => Response | Promise<Response> } => {
  const inner = Object.assign(async () => inner.answer(), {
    answer: (): Response | Promise<Response> => Response.json({ ok: true }),
  })
  return inner
}

export const short = (told: readonly Alert[]): string[] => told.map(({ condition, state }) => `${condition} ${state}`)
