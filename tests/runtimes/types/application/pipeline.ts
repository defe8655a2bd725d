// What an application exports of its own, without saying the types: the compiler has to name them, in an application that has no other package than these.
import {
  aplomb,
  backoffJitter,
  callOf,
  classify,
  compose,
  concurrencyGate,
  createFetch,
  creditMeter,
  limiterStore,
  log,
  memoryStore,
  middleware,
  retryAfter,
  rules,
  verdictOf,
} from 'aplomb'

export const client = aplomb({ creditMeter: { budget: 10_000 }, classify: { rules: [rules.errorBody] } })
export const usage = client.usage()
export const stats = client.stats('https://api.example.com')

export const parts = [log(), backoffJitter(), concurrencyGate(), retryAfter(), creditMeter(), classify()]
export const backoff = backoffJitter({ jitter: 'full' })
export const gate = concurrencyGate({ limit: 3 })
export const meter = creditMeter({ store: memoryStore() })
export const store = memoryStore()
export const shared = limiterStore
export const stamp = middleware('stamp', (request, next) => next(request))
export const joined = compose(gate, meter, stamp)
export const pipeline = createFetch([joined], { timeoutMs: 1000 })
export const known = rules

export const verdict = verdictOf(new Response())
export const { kind, action, limits } = verdict
export const { windows, concurrency, credits } = limits
export const call = callOf(new Request('https://api.example.com'))
export const gaveUp = call?.gaveUp
export const keys = meter.usage().keys
export const burnRate = usage?.burnRate
export const dearest = usage?.endpoints[0]

export const makers = {
  aplomb,
  backoffJitter,
  classify,
  compose,
  concurrencyGate,
  createFetch,
  creditMeter,
  log,
  retryAfter,
}
type Options = NonNullable<Parameters<typeof aplomb>[0]>
export const options = (given: Options) => given
export const settings = {
  log: (given: Options) => given.log,
  repeatable: (given: Options) => given.repeatable,
  onEvent: (given: Options) => given.onEvent,
  classify: (given: Options) => given.classify,
  creditMeter: (given: Options) => given.creditMeter,
}
