import { verdictOf, type Verdict } from '@aplomb/classify'
import { endpointOf, keyed, middleware, type Middleware } from '@aplomb/pipeline'
import { newAccount, type Account } from './account.ts'
import { admit, reserve } from './admit.ts'
import { newAlerts, type Visit } from './alerts.ts'
import { charge, load } from './charge.ts'
import { BudgetExceededError } from './errors.ts'
import { settingsOf, type CreditMeterOptions } from './options.ts'
import { totalOf, usageOf, type KeyUsage, type Usage } from './usage.ts'
import { within } from './within.ts'

/** The middleware, with a view on what it counted. */
export interface CreditMeter extends Middleware {
  /** What was spent and is left, and how long that will last: of one key, or of all. Does not ask a shared store. */
  usage(key?: string): Usage
  /**
   * The same after asking the store about a key, and about the endpoints that are named. Also forgets what the server
   * said of its balance: call it after a top-up.
   */
  refresh(key: string, endpoints?: readonly string[]): Promise<Usage>
}

/** A store that takes longer is not waited for; what it was told counts here all the same. */
const STORE_MS = 1000

const isCost = (cost: number | undefined): cost is number => cost !== undefined && cost >= 0 && cost < Infinity

const reporter =
  (message: string) =>
  (error: unknown): undefined => {
    console.error(`aplomb: ${message}:`, error)
  }

const endpointFailed = reporter('the endpoint function failed; the path is counted instead')
const costFailed = reporter('the cost function failed; the attempt is counted as free')
const storeFailed = reporter('the credit store failed; credits are counted here until it works')

/**
 * Makes a middleware that counts what every attempt cost, by key and endpoint, warns before a budget is used up, and
 * can stop calls before it is exceeded.
 *
 * @throws {RangeError | TypeError} if an option makes no sense.
 * @example
 * const meter = creditMeter({ budget: 10_000, onAlert: ({ message }) => console.warn(message) })
 * const fetch = createFetch([meter, classify()])
 * await fetch('https://api.example.com/v1/lookup/8.8.8.8')
 * console.log(meter.usage().left)
 */
export const creditMeter = (options: CreditMeterOptions = {}): CreditMeter => {
  const settings = settingsOf(options)
  const { endpoint = (request: Request) => endpointOf(request.url) } = options
  const alerts = newAlerts(settings, options.onAlert)
  const charged = new WeakSet<Response>()

  let storeIsAway = false
  const heardOfStore = (error: unknown): void => {
    if (error !== undefined && !storeIsAway) storeFailed(error)
    storeIsAway = error !== undefined
  }

  const newKey = (key: string): Account => newAccount(key, settings, heardOfStore)
  const accounts = keyed(newKey, ({ inFlight, waiting, tally }) => {
    return inFlight === 0 && waiting === 0 && (settings.shared || tally.spent(Date.now()) === 0)
  })

  /** The account of a key, with what the store knows of it. */
  const accountOf = (key: string): Account => {
    const known = accounts.peek(key) !== undefined
    const account = accounts(key)
    const reading = known ? undefined : load(account, Date.now())
    if (reading) account.loading = reading.then(() => (account.loading = undefined))
    return account
  }

  const nameOf = (request: Request): string => {
    try {
      return endpoint(request)
    } catch (error) {
      endpointFailed(error)
      return endpointOf(request.url)
    }
  }

  /** Lets a call pass. Gives the function that ends its reservation. */
  const enter = async (visit: Visit): Promise<() => void> => {
    const { account, row, call } = visit
    if (account.loading) await within(STORE_MS, account.loading, call.signal)
    try {
      return await admit(account, row, settings, call)
    } catch (error) {
      if (error instanceof BudgetExceededError) {
        call.giveUp('credit-meter', error.message)
        const telling = alerts.thresholds(visit, settings.stopAt)
        if (telling) await within(STORE_MS, telling, call.signal)
      }
      throw error
    }
  }

  const costOf = (response: Response, request: Request): number | undefined | Promise<number | undefined> => {
    try {
      const cost = settings.cost(response, request)
      return typeof cost === 'object' ? cost.catch(costFailed) : cost
    } catch (error) {
      return costFailed(error)
    }
  }

  const settle = async (visit: Visit, verdict: Verdict, known?: number): Promise<void> => {
    const { account, row, call } = visit
    const cost = isCost(known) ? known : 0
    // A refusal that is free says nothing of what an answer costs.
    const writing = charge(account, row, cost, cost > 0 || verdict.kind === 'ok', Date.now())
    if (writing) await within(STORE_MS, writing, call.signal)
    const now = Date.now()
    const { remaining, limit } = verdict.limits.credits ?? {}
    if (remaining !== undefined) account.sawBalance(remaining, limit, now)
    if (call.observed && (isCost(known) || remaining !== undefined)) {
      const state = { spent: account.tally.spent(now), left: account.left(now) }
      call.emit({ type: 'credits', call: call.id, key: account.key, endpoint: row.name, cost, ...state })
    }
    const telling = [alerts.verdict(visit, verdict), alerts.thresholds(visit)].filter((one) => one !== undefined)
    // When the call has ended, nobody hears its events any more.
    if (telling.length > 0) await within(STORE_MS, Promise.all(telling), call.signal)
  }

  const meter = middleware('credit-meter', async (request, next, call) => {
    const account = accountOf(call.key)
    const row = account.row(nameOf(request))
    const visit = { account, row, call, request }
    const release = settings.stopAt === undefined ? reserve(account, row) : await enter(visit)
    const before = call.attempt
    let settling: Promise<void> | undefined
    try {
      const response = await next(request)
      // Answers from a cache below, or from nobody, cost nothing.
      if (call.attempt === before || charged.has(response)) return response
      charged.add(response)
      const verdict = verdictOf(response)
      const cost = verdict.limits.credits?.cost ?? costOf(response, request)
      // A promised cost may hang on the body, which is the caller's to read: so the call does not wait for it.
      if (typeof cost === 'object') settling = cost.then((known) => settle(visit, verdict, known)).finally(release)
      else await settle(visit, verdict, cost)
      return response
    } finally {
      if (!settling) release()
    }
  })

  const usage = (key?: string): Usage => {
    const now = Date.now()
    const none = (): KeyUsage => usageOf(newKey(''), settings, now)
    if (key !== undefined) {
      const account = accounts.peek(key)
      const one = account ? usageOf(account, settings, now) : none()
      return { ...one, keys: { [key]: one } }
    }
    return totalOf(
      Array.from(accounts.entries(), ([name, account]) => [name, usageOf(account, settings, now)]),
      none,
    )
  }

  const refresh = async (key: string, endpoints: readonly string[] = []): Promise<Usage> => {
    const now = Date.now()
    const account = accountOf(key)
    account.forgetBalance()
    for (const name of endpoints) account.row(name)
    await Promise.all([load(account, now), ...Array.from(account.rows.values(), ({ tally }) => tally.load(now))])
    return usage(key)
  }

  return Object.assign(meter, { usage, refresh })
}
