import { type Draft, windowOf } from './draft.ts'
import type { Resolved } from './grammar.ts'
import { readPolicies, readQuotas } from './ietf.ts'
import { readEntries, readFields, readPairs, readPercentages, readSpelled, splitList } from './lists.ts'
import type { Meaning } from './rows.ts'
import { parseDuration, parseNumber, parseReset, parseRetryAfter, type TimeUnit } from './values.ts'

type Apply = (draft: Draft, row: Resolved, text: string) => void

/** Against the server's clock; if that gives nonsense, against ours. */
const byEitherClock = <T>({ now, receivedAt }: Draft, read: (clock: number) => T | undefined): T | undefined =>
  read(now) ?? (now === receivedAt ? undefined : read(receivedAt))

const resetIn = (draft: Draft, text: string, unit?: TimeUnit): number | undefined =>
  byEitherClock(draft, (clock) => parseReset(text, clock, unit))

const positive = (n: number | undefined): number | undefined => (n !== undefined && n >= 0 ? n : undefined)

/** -1 is "unknown"; what lies below it is overdrawn. */
const left = (n: number): number | undefined => (n === -1 ? undefined : Math.max(0, n))

const windowMsOf = ({ windowMs }: Resolved, i: number): number | undefined =>
  typeof windowMs === 'number' ? windowMs : windowMs?.[i]

const limit: Apply = (draft, row, text) => {
  const entries = readEntries(text)
  // `10, 10;w=1, 50;w=60`: the limit that runs out first, then all policies (drafts 00 to 03)
  const policiesFollow = entries.length > 1 && entries[0]!.windowMs === undefined && entries[1]!.windowMs !== undefined
  entries.forEach(({ value, windowMs, key }, i) => {
    if (policiesFollow && i > 0) {
      draft.policies.push({ group: row.group, source: row.header, policy: { quota: value, windowMs } })
      return
    }
    const window = windowOf(draft, row, key ?? i)
    window.limit = value
    window.windowMs ??= windowMs ?? windowMsOf(row, i)
  })
}

/** Sets one number per window, by position or by the entry's key. */
const numbers =
  (member: 'remaining' | 'used', read: (n: number) => number | undefined): Apply =>
  (draft, row, text) =>
    readEntries(text).forEach(({ value, windowMs, key }, i) => {
      const window = windowOf(draft, row, key ?? i)
      window[member] = read(value)
      window.windowMs ??= windowMs ?? windowMsOf(row, i)
      if (member === 'remaining') window.source = row.header
    })

const reset: Apply = (draft, row, text) => {
  const set = (i: number, resetMs: number | undefined): void => {
    if (resetMs === undefined) return
    const window = windowOf(draft, row, i)
    // Discord sends both: what counts from now needs no clock.
    if (window.resetMs === undefined || /(?:after|in)$/.test(row.header)) window.resetMs = resetMs
    if (row.unit === undefined && parseNumber(text) !== undefined) draft.bare.add(window)
    window.windowMs ??= windowMsOf(row, i)
  }
  const single = resetIn(draft, text, row.unit)
  if (single !== undefined) set(0, single)
  else if (text.includes(',')) splitList(text).forEach((one, i) => set(i, resetIn(draft, one, row.unit)))
}

const concurrency =
  (member: 'limit' | 'active' | 'remaining'): Apply =>
  ({ concurrency: scopes }, { name = '', header }, text) => {
    const n = positive(readEntries(text)[0]?.value)
    if (n === undefined) return
    const scope = scopes.get(name) ?? { name: name || undefined, source: header }
    scope[member] = n
    if (member !== 'limit') scope.source = header
    scopes.set(name, scope)
  }

/** `1,234,567`: a sum of credits is never a list. */
const GROUPED = /^-?\d{1,3}(?:,\d{3})+(?:\.\d+)?$/

const credits =
  (member: 'cost' | 'remaining' | 'limit' | 'used'): Apply =>
  (draft, { header }, text) => {
    const value = readEntries(GROUPED.test(text) ? text.replaceAll(',', '') : text)[0]?.value
    const n = value === undefined || member !== 'remaining' ? positive(value) : left(value)
    if (n === undefined) return
    draft.credits ??= { source: header }
    // A balance is what there was before this call was charged.
    if (header.endsWith('balance')) draft.credits.before = n
    else draft.credits[member] = n
  }

/** One window, or several, in one value. */
const spelled: Apply = (draft, row, text) => {
  const found = readSpelled(text)
  if (found.length === 0) limit(draft, row, text)
  found.forEach((one, i) =>
    Object.assign(windowOf(draft, row, i), {
      name: one.name,
      limit: one.limit,
      remaining: one.remaining === undefined ? undefined : left(one.remaining),
      resetMs: one.reset === undefined ? undefined : resetIn(draft, one.reset),
      windowMs: one.seconds ? one.seconds * 1000 : undefined,
    }),
  )
}

/** What to do with a value, by what its row says it means. */
export const APPLY: Readonly<Record<Meaning, Apply>> = {
  limit,
  remaining: numbers('remaining', left),
  used: numbers('used', positive),
  reset,
  window: (draft, row, text) => {
    const n = parseNumber(text)
    const ms = n === undefined ? parseDuration(text) : n * (row.unit === 'ms' ? 1 : 1000)
    if (ms !== undefined && ms > 0) windowOf(draft, row, 0).windowMs = ms
  },
  label: ({ labels }, { group }, text) => {
    if (text !== '' && text.length <= 100) labels.set(group, text)
  },
  'used/limit': (draft, row, text) =>
    readPairs(text).forEach(({ key, used, limit: of }, i) => {
      const window = windowOf(draft, row, i)
      Object.assign(window, { name: key ?? window.name, used, limit: of, windowMs: windowMsOf(row, i) })
    }),
  fields: (draft, row, text) => {
    if (parseNumber(text) !== undefined) return limit(draft, row, text)
    const fields = readFields(text)
    if (!fields.has('remaining')) return
    const resets = fields.get('resets') ?? fields.get('reset')
    Object.assign(windowOf(draft, row, 0), {
      limit: fields.get('total') ?? fields.get('limit'),
      remaining: fields.get('remaining'),
      resetMs: resets === undefined ? undefined : resetIn(draft, String(resets)),
    })
  },
  percentages: (draft, row, text) =>
    readPercentages(text).forEach(({ name, percent, regainMinutes }, i) => {
      const blocked = regainMinutes !== undefined
      Object.assign(windowOf(draft, row, i), {
        name,
        unit: 'percent',
        limit: 100,
        remaining: blocked ? 0 : Math.max(0, 100 - percent),
        resetMs: blocked ? parseReset(String(regainMinutes), draft.now, 'min') : undefined,
      })
    }),
  utilization: (draft, row, text) => {
    const share = parseNumber(text)
    if (share === undefined || share < 0) return
    Object.assign(windowOf(draft, row, 0), { unit: 'percent', limit: 100, remaining: Math.max(0, 100 - share * 100) })
  },
  ratelimit: (draft, row, text) => {
    const quotas = readQuotas(text)
    if (quotas.length === 0) return spelled(draft, row, text)
    for (const quota of quotas) {
      const window = windowOf(draft, row, quota.name === undefined ? 0 : `~${quota.name}|${quota.pk ?? ''}`)
      window.name = quota.name ?? window.name
      window.limit ??= quota.limit
      window.remaining ??= quota.remaining
      window.resetMs ??= quota.reset === undefined ? undefined : resetIn(draft, String(quota.reset))
    }
  },
  policy: ({ policies }, { group, header }, text) =>
    readPolicies(text)
      .slice(0, 32)
      .forEach((policy) => policies.push({ group, source: header, policy })),
  'retry-after': (draft, { rank, header, unit, finer }, text) => {
    const ms = byEitherClock(draft, (clock) => parseRetryAfter(text, clock, unit))
    if (ms === undefined) return
    const { wait } = draft
    if (header === 'retry-after') draft.plainWaitMs = ms
    if (!wait || rank < wait.rank || (rank === wait.rank && ms > wait.ms))
      draft.wait = { rank, ms, source: header, finer }
  },
  reason: (draft, { rank }, text) => {
    if (text === '' || text.length > 500 || (draft.reason && draft.reason.rank <= rank)) return
    draft.reason = { rank, text }
  },
  'concurrency-limit': concurrency('limit'),
  'concurrency-active': concurrency('active'),
  'concurrency-remaining': concurrency('remaining'),
  cost: credits('cost'),
  'credits-remaining': credits('remaining'),
  'credits-limit': credits('limit'),
  'credits-used': credits('used'),
}
