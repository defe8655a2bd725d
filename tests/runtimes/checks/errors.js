import { outcomeOf } from './support.js'

/** Each method, as a POST is sent again less often. */
const failing = (urlOf) => async (context) => {
  const outcomes = []
  for (const method of ['GET', 'POST'])
    outcomes.push(await outcomeOf(() => context.fetch(urlOf(context), { method }), context.base))
  return outcomes
}

export const errors = {
  'error: refused': failing(({ places }) => places.refused),
  'error: unknown host': failing(({ places }) => places.unknown),
  'error: certificate': failing(({ places }) => places.tls),
  'error: reset': failing(({ aside }) => `${aside}/reset`),
  'error: reset, a body sent': ({ fetch, aside, base }) =>
    outcomeOf(() => fetch(new Request(`${aside}/reset`, { method: 'POST', body: 'body' })), base),
}
