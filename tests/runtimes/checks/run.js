// Runs inside each runtime: nothing but the web's APIs, and what is under test.
import { createFetch } from '@aplomb/pipeline'
import { aplomb } from 'aplomb'
import { checks } from './index.js'
import { packages } from './packages.js'

/** As looked up at each call, so that browsers get it on its object. */
const bare = (...args) => globalThis.fetch(...args)
const SHORT = { baseMs: 1, maxMs: 5 }

const makers = {
  bare: ({ fetch = bare }) => fetch,
  pipeline: ({ fetch }) => createFetch([(request, next) => next(request)], { fetch }),
  aplomb: (options) => aplomb({ backoffJitter: SHORT, ...options }),
}

const LIMIT_MS = 20_000

/** Runs one check with one kind of fetch. What it throws is a fault of the check, whatever was thrown elsewhere. */
export const runCheck = async ({ name, index, runtime, kind, origin, places, isServer }) => {
  const base = `${origin}/${runtime}/${kind}/${index}`
  const aside = `${base}/aside`
  const make = (options = {}) => makers[kind](options)
  const ask = async (path) => (await bare(`${aside}/${path}`)).text()
  const context = {
    fetch: make(),
    make,
    kind,
    base,
    // Requests under this are not compared.
    aside,
    places,
    packages,
    isServer,
    wait: async (event) => (await ask(`wait/${event}`)) === 'true',
    tell: (event) => ask(`tell/${event}`),
    ping: () => ask('tell/ping'),
  }

  const late = Promise.withResolvers()
  const timer = setTimeout(() => late.reject(new Error(`no end within ${LIMIT_MS} ms`)), LIMIT_MS)
  try {
    return { got: await Promise.race([checks[name](context), late.promise]) }
  } catch (error) {
    return { fault: String(error?.stack ?? error) }
  } finally {
    clearTimeout(timer)
  }
}
