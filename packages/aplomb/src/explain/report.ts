import { type ConcurrencyLimit, type Credits, KINDS, type Limits, type LimitWindow } from '@aplomb/pipeline'
import type { Explanation } from './explain.ts'
import type { EndpointSummary, HarSummary, KindSummary } from './summary.ts'
import { afterText, plural, span } from './words.ts'

/** Emphasis, where there is a terminal that has it. */
export type Style = (emphasis: 'bold' | 'dim' | 'green' | 'yellow' | 'red', text: string) => string

/** Options of the reports. */
export interface ReportOptions {
  /** @default none */
  readonly style?: Style | undefined
  /** Longer lines are broken between words. @default 100 characters */
  readonly columns?: number | undefined
}

interface Page {
  readonly style: Style
  readonly columns: number
}

const pageOf = ({ style = (_, text) => text, columns = 100 }: ReportOptions): Page => ({
  style,
  columns: Math.max(60, columns),
})

/** A label, and a text that hangs to the right of it. */
const row = (label: string, text: string, { style, columns }: Page, indent = 0, width = 11): string => {
  const lines: string[] = []
  let current = ''
  for (const word of text.split(' ')) {
    if (current && indent + width + current.length + 1 + word.length > columns) {
      lines.push(current)
      current = word
    } else current = current ? `${current} ${word}` : word
  }
  lines.push(current)
  const margin = ' '.repeat(indent)
  return lines
    .map((one, i) => `${margin}${i === 0 ? style('dim', label.padEnd(width)) : ' '.repeat(width)}${one}`.trimEnd())
    .join('\n')
}

const colourOf = (kind: keyof typeof KINDS): 'green' | 'yellow' | 'red' => {
  const { action, transient } = KINDS[kind]
  return action === 'use' ? 'green' : transient ? 'yellow' : 'red'
}

const from = (source: string | undefined): string => (source ? ` (${source})` : '')

const ratio = (left: number | undefined, of: number | undefined): string =>
  left === undefined ? (of === undefined ? '' : `${of} allowed`) : `${left}${of === undefined ? '' : ` of ${of}`} left`

const windowText = ({ limit, remaining, used, resetMs, windowMs, source }: LimitWindow): string => {
  const parts = [
    ratio(remaining, limit),
    remaining === undefined && used !== undefined && `${used} used`,
    windowMs !== undefined && `per ${span(windowMs)}`,
    resetMs !== undefined && `reset in ${span(resetMs)}`,
  ]
  return `${parts.filter(Boolean).join(', ')}${from(source)}`
}

const windowName = ({ name, unit = 'requests' }: LimitWindow): string =>
  name === undefined || name === unit ? unit : `${name}${unit === 'requests' ? '' : ` (${unit})`}`

const concurrencyText = ({ limit, active, remaining, source }: ConcurrencyLimit): string => {
  const count = active === undefined ? ratio(remaining, limit) : `${active}${limit === undefined ? '' : ` of ${limit}`}`
  return `${count}${from(source)}`
}

const creditsText = ({ cost, remaining, limit, used, source }: Credits): string => {
  const parts = [
    cost !== undefined && `${cost} charged`,
    (remaining !== undefined || limit !== undefined) && ratio(remaining, limit),
    used !== undefined && `${used} used`,
  ]
  return `${parts.filter(Boolean).join(', ')}${from(source)}`
}

const limitRows = ({ verdict, limits }: Explanation): readonly (readonly [string, string])[] => {
  const { retryAfterMs, retryAt } = verdict
  const { retryAfterSource, windows, concurrency, credits, reason }: Limits = limits
  const until = retryAt === undefined ? '' : `, until ${retryAt.replace(/\.000Z$/, 'Z')}`
  return [
    ...(retryAfterMs === undefined
      ? []
      : [['wait', `${span(retryAfterMs)}${until}${from(retryAfterSource)}`] as const]),
    ...windows.map((window) => [windowName(window), windowText(window)] as const),
    ...(concurrency ? [['in flight', concurrencyText(concurrency)] as const] : []),
    ...(credits ? [['credits', creditsText(credits)] as const] : []),
    ...(reason === undefined ? [] : [['reason', reason] as const]),
  ]
}

const table = (rows: readonly (readonly [string, string])[], page: Page): readonly string[] => {
  const width = Math.max(18, ...rows.map(([label]) => label.length + 2))
  return rows.map(([label, text]) => row(label, text, page, 2, Math.min(width, 30)))
}

const nextText = ({ next, verdict }: Explanation): string | undefined => {
  if (verdict.action === 'use') return undefined
  if (!next.again) return `returns it: ${next.why}`
  const { by, fromMs, toMs, maxAttempts } = next
  return `sends it again ${afterText(fromMs, toMs)} (${by}), ${plural(maxAttempts, 'attempt')} in all`
}

/** An explanation for people. */
export const formatExplanation = (explanation: Explanation, options: ReportOptions = {}): string => {
  const page = pageOf(options)
  const { style } = page
  const { request, status, verdict, todo, safe, safeBecause, parts } = explanation
  const { kind, evidence, message, code, requestId } = verdict
  const title = style('bold', style(colourOf(kind), `${status || 'no answer'} ${kind}`))
  const what = request.url === undefined ? request.method : `${request.method} ${request.url}`
  const again = verdict.retryable ? `${safe ? 'is safe' : 'is not safe'}: ${safeBecause}` : undefined
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['to do', todo],
    ['because', evidence],
    ['it says', message],
    ['code', code],
    ['request id', requestId],
    ['repeating', again],
    ['aplomb()', nextText(explanation)],
  ]
  const limits = limitRows(explanation)
  const lines = [
    `${title}  ${what}`,
    '',
    ...facts.flatMap(([label, text]) => (text === undefined ? [] : [row(label, text, page)])),
    '',
    style('bold', 'limits'),
    ...(limits.length > 0 ? table(limits, page) : ['  none are told']),
    '',
    style('bold', 'what aplomb() does with it'),
    ...table(
      parts.map(({ name, does }) => [name, does]),
      page,
    ),
  ]
  return lines.join('\n')
}

const kindText = ({ count, evidence, message, entry }: KindSummary): string =>
  `${count} x ${evidence}${message === undefined || evidence.includes(message) ? '' : `: "${message}"`} (entry ${entry})`

const waitsText = ({ named, obeyed, obeyedByAll, early, worst }: EndpointSummary['waits']): string => {
  const others =
    obeyed > obeyedByAll ? `; ${obeyed - obeyedByAll} by this endpoint alone, not by the rest of the API` : ''
  const late = worst
    ? `; ${plural(early, 'request')} too early, at worst after ${span(worst.namedMs - worst.earlyMs)} instead of ${span(worst.namedMs)} (entry ${worst.entry})`
    : ''
  return `${named} named, ${obeyed} obeyed${others}${late}`
}

const creditsSpent = ({ spent, onEarly, onFutile }: EndpointSummary['credits']): string => {
  const waste = [
    onEarly > 0 && `${onEarly} on requests too early`,
    onFutile > 0 && `${onFutile} on repetitions in vain`,
  ]
  const lost = waste.filter(Boolean).join(', ')
  return `${spent} charged${lost && `, of them ${lost}`}`
}

const MOST_MESSAGE = 160

const endpointText = (one: EndpointSummary, page: Page): string => {
  const { style } = page
  const { api, method, endpoint, calls, kinds, waits, futile, credits, todo } = one
  const inVain = `${plural(futile.count, 'repetition')} of a request after an answer that no repetition mends (entry ${futile.entry})`
  const rows = [
    ...kinds
      .filter(({ kind }) => KINDS[kind].action !== 'use')
      .map((each): [string, string] => [
        each.kind,
        kindText({ ...each, ...(each.message && { message: each.message.slice(0, MOST_MESSAGE) }) }),
      ]),
    ...(waits.named > 0 ? [['waits', waitsText(waits)] as const] : []),
    ...(futile.count > 0 ? [['in vain', inVain] as const] : []),
    ...(credits.spent > 0 ? [['credits', creditsSpent(credits)] as const] : []),
    ...(todo === undefined ? [] : [['to do', todo] as const]),
  ]
  const counts = kinds.map(({ kind, count }) => style(colourOf(kind), `${count} ${kind}`)).join(', ')
  return [
    `${style('bold', `${method} ${api}${endpoint}`)}  ${plural(calls, 'call')}: ${counts}`,
    ...table(rows, page),
  ].join('\n')
}

const hasNews = ({ kinds, credits }: EndpointSummary): boolean =>
  credits.spent > 0 || kinds.some(({ kind }) => KINDS[kind].action !== 'use')

/** A summary of a recording for people. */
export const formatHarSummary = ({ calls, endpoints, problems }: HarSummary, options: ReportOptions = {}): string => {
  const page = pageOf(options)
  const told = endpoints.filter(hasNews)
  const quiet = endpoints.filter((one) => !hasNews(one))
  const others = quiet.reduce((total, one) => total + one.calls, 0)
  return [
    `${plural(calls, 'request')} to ${plural(endpoints.length, 'endpoint')}`,
    ...told.map((one) => endpointText(one, page)),
    ...(quiet.length > 0
      ? [
          `${told.length > 0 ? 'and ' : ''}${plural(quiet.length, 'endpoint')} with ${plural(others, 'call')}, all served`,
        ]
      : []),
    ...(problems.length > 0
      ? [[page.style('bold', 'what is wrong with the file'), ...problems.map((one) => `  ${one}`)].join('\n')]
      : []),
  ].join('\n\n')
}
