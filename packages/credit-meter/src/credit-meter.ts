import {
  type Call,
  endpointOf,
  guarded,
  keyed,
  KINDS,
  keyOfAnswer,
  type Middleware,
  type Outgoing,
  readOptions,
  relay,
  type RequestLine,
  string,
  type Verdict,
  verdictOf,
  verdictOfError,
} from '@aplomb/pipeline'
import { newAccount, type Account } from './account.ts'
import { admit, reserve } from './admit.ts'
import { newAlerts, type Visit } from './alerts.ts'
import { newBreaker, type Ask } from './breaker.ts'
import { charge, load } from './charge.ts'
import { askCost, isCost, type Told } from './cost.ts'
import { BudgetExceededError } from './errors.ts'
import { creditMeterOptions, settingsOf, type CreditMeterOptions } from './options.ts'
import { newRemains } from './remains.ts'
import { totalOf, usageOf, type KeyUsage, type Usage } from './usage.ts'

/** The middleware, with a view on what it counted. */
export interface CreditMeter extends Middleware {
  /** What was spent and is left, and how long that will last: of one key, or of all. Does not ask a shared store. */
  usage(key?: string): Usage
  /**
   * The same after asking the store about a key, and about the endpoints that are named, and after telling it what it
   * has missed; each takes a second at most. Also forgets what the server said of its balance: call it after a top-up.
   */
  refresh(key: string, endpoints?: readonly string[]): Promise<Usage>
}

const storeFailed = (error: unknown): void =>
  console.error('aplomb: the credit store failed; credits are counted here until it works:', error)

const pathOf = ({ url }: Pick<RequestLine, 'url'>): string => endpointOf(url)

/** Whether the server may have carried out, and charged, a request whose answer was lost. */
const mayBeCharged = ({ kind, unsent }: Verdict): boolean => KINDS[kind].lost && !unsent

/**
 * Makes a middleware that counts what every attempt cost, by key and endpoint, warns before a budget is used up, and
 * can stop calls before it is exceeded.
 *
 * @throws {RangeError | TypeError} if an option is unknown or makes no sense.
 * @example
 * const meter = creditMeter({ budget: 10_000, onAlert: ({ message }) => console.warn(message) })
 * const fetch = createFetch([meter, classify()])
 * await fetch('https://api.example.com/v1/lookup/8.8.8.8')
 * console.log(meter.usage().left)
 */
export const creditMeter = (options: CreditMeterOptions = {}): CreditMeter => {
  const given = readOptions('creditMeter', options, creditMeterOptions)
  const { endpoint, onAlert } = given
  const settings = settingsOf(given)
  const named =
    endpoint &&
    guarded(endpoint, {
      name: 'creditMeter.endpoint',
      answers: string(),
      instead: 'the path is counted',
      fallback: pathOf,
    })
  // Requests are made only for functions that take one.
  const nameOf = (outgoing: Outgoing): string => (named ? named(outgoing.request) : pathOf(outgoing))
  const costOf = (response: Response, outgoing: Outgoing, call: Call): ReturnType<typeof askCost> =>
    typeof settings.cost === 'function'
      ? askCost(settings.cost, response, outgoing.request, call.signal)
      : settings.cost
  const alerts = newAlerts(settings, onAlert)
  const charged = new WeakSet<Response>()
  let places = 0

  const catchUp = function* (ask: Ask): Generator<void | Promise<void>> {
    const now = Date.now()
    const all = Array.from(accounts.entries(), ([, account]) => account)
    const tallies = all.flatMap(({ tally, rows }) => [tally, ...Array.from(rows.values(), (row) => row.tally)])
    // Reading first: nobody knows whether a write that hangs has arrived.
    yield tallies[0]?.probe(now, ask)
    for (const tally of tallies) yield tally.save(now, ask)
  }
  const breaker = newBreaker(catchUp, storeFailed)

  const newKey = (key: string): Account => newAccount(key, settings, breaker)
  const remains = newRemains(settings, newKey)
  const accounts = keyed(
    remains.revive,
    ({ inFlight, waiting, loading, tally }) =>
      inFlight > 0 || waiting > 0 || loading || !tally.isSaved(Date.now()) ? 'in use' : 'idle',
    { dropped: (_, account) => remains.put(account) },
  )

  /** The account of a key, with what the store knows of it. */
  const accountOf = (key: string): Account => {
    const account = accounts(key)
    if (!account.isLoaded && !account.loading) void load(account, breaker, Date.now())
    return account
  }

  /** Lets a call pass. Gives the function that ends its reservation. */
  const enter = async (visit: Visit): Promise<() => void> => {
    const { account, row, call } = visit
    if (account.loading) await breaker.wait(account.loading, call.signal)
    try {
      return await admit(account, row, settings, call)
    } catch (error) {
      if (error instanceof BudgetExceededError) {
        call.giveUp('credit-meter', error.message)
        // What is only reserved was not used.
        const telling = alerts.thresholds(visit, error.reserved > 0 ? 0 : settings.stopAt)
        if (telling) await breaker.wait(telling, call.signal)
      }
      throw error
    }
  }

  /** Charges a key for an answer, and notes what it says of the balance of the one it came from. */
  const settle = async (visit: Visit, from: Visit, verdict: Verdict, told: Told): Promise<void> => {
    const { account, row, call } = visit
    // What nobody has learned yet is nothing to tell.
    const expected = told === 'lost' ? account.expected(row) || undefined : undefined
    const known = isCost(told) ? told : expected
    const cost = known ?? 0
    // A refusal that is free says nothing of what an answer costs, nor does what was only expected.
    const isTypical = told !== 'lost' && (cost > 0 || verdict.kind === 'ok')
    const writing = charge(account, row, cost, isTypical, Date.now())
    if (writing) await breaker.wait(writing, call.signal)
    const now = Date.now()
    const { remaining, limit } = verdict.limits.credits ?? {}
    if (remaining !== undefined) from.account.sawBalance(remaining, limit, now, places)
    if (call.observed && known !== undefined) emit(visit, cost, now)
    if (call.observed && remaining !== undefined && (known === undefined || from !== visit)) emit(from, 0, now)
    const both = from === visit ? [visit] : [visit, from]
    const telling = [alerts.verdict(from, verdict), ...both.map((one) => alerts.thresholds(one))].filter(
      (one) => one !== undefined,
    )
    // When the call has ended, nobody hears its events any more.
    if (telling.length > 0) await breaker.wait(Promise.all(telling), call.signal)
  }

  const emit = ({ account, row, call }: Visit, cost: number, now: number): void => {
    const state = { spent: account.tally.spent(now), left: account.left(now) }
    call.emit({ type: 'credits', call: call.id, key: account.key, endpoint: row.name, cost, ...state })
  }

  /** Where an answer came from: another key's server, if redirects led there. */
  const origin = (visit: Visit, response: Response): Visit => {
    const key = keyOfAnswer(visit.call, response)
    if (key === visit.call.key) return visit
    const account = accountOf(key)
    return { ...visit, account, row: account.row(named ? named(new Request(response.url)) : pathOf(response)) }
  }

  const meter = relay('credit-meter', async (outgoing, next, call) => {
    const account = accountOf(call.key)
    const row = account.row(nameOf(outgoing))
    const visit = { account, row, call, outgoing, place: ++places }
    const release = settings.stopAt === undefined ? reserve(account, row) : await enter(visit)
    const before = call.attempt
    let settling: Promise<void> | undefined
    try {
      const response = await next()
      // Answers from a cache below, or from nobody, cost nothing; a test double may give none at all.
      if (call.attempt === before || !(response as Response | undefined) || charged.has(response)) return response
      charged.add(response)
      const verdict = verdictOf(response)
      const from = origin(visit, response)
      const told = verdict.limits.credits?.cost
      // What the server says it has charged is its own; what the user says an answer costs is the call's.
      const payer = told === undefined ? visit : from
      const cost = told ?? costOf(response, outgoing, call)
      // A promised cost may hang on the body, which is the caller's to read: so the call does not wait for it.
      if (cost instanceof Promise) settling = cost.then((late) => settle(payer, from, verdict, late)).finally(release)
      else await settle(payer, from, verdict, cost)
      return response
    } catch (error) {
      const failure = verdictOfError(error, { signal: call.signal, request: outgoing })
      if (call.attempt > before && mayBeCharged(failure)) await settle(visit, visit, failure, 'lost')
      throw error
    } finally {
      if (!settling) release()
    }
  })

  const usage = (key?: string): Usage => {
    const now = Date.now()
    const none = (): KeyUsage => usageOf(newKey(''), settings, now)
    if (key !== undefined) {
      const account = accounts.peek(key) ?? (remains.has(key) ? accounts(key) : undefined)
      const one = account ? usageOf(account, settings, now) : none()
      return { ...one, keys: { [key]: one } }
    }
    return totalOf(
      Array.from(accounts.entries(), ([name, account]) => [name, usageOf(account, settings, now)]),
      remains.usage(now),
      none,
    )
  }

  const refresh = async (key: string, endpoints: readonly string[] = []): Promise<Usage> => {
    const account = accountOf(key)
    account.forgetBalance()
    for (const name of endpoints) account.row(name)
    if (!breaker.isClosed()) await breaker.wait(breaker.retry())
    const now = Date.now()
    const rows = Array.from(account.rows.values(), ({ tally }) => tally.load(now))
    await breaker.wait(Promise.all([load(account, breaker, now), ...rows]))
    return usage(key)
  }

  return Object.assign(meter, { usage, refresh })
}
