import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { parser } from '@prometheus-io/lezer-promql'
import { DataPointType, type MetricData } from '@opentelemetry/sdk-metrics'
import { parse } from 'yaml'
import { backoffJitter } from '@aplomb/backoff-jitter'
import type { VerdictKind } from '@aplomb/pipeline'
import { concurrencyGate } from '@aplomb/concurrency-gate'
import { creditMeter } from '@aplomb/credit-meter'
import { respond } from '@aplomb/mock-api'
import { traced } from './sdk.ts'

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly for: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}
interface Panel {
  readonly title: string
  readonly datasource: { readonly uid: string }
  readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[]
}
interface Dashboard {
  readonly schemaVersion: number
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] }
}

const read = (name: string): string =>
  readFileSync(new URL(`../../../docs/observability/${name}`, import.meta.url), 'utf8')

const rules = (parse(read('alerts.yaml')) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules)
const dashboard = JSON.parse(read('dashboard.json')) as Dashboard
const targets = dashboard.panels.flatMap((panel) => panel.targets)
const variables = dashboard.templating.list.flatMap(({ definition }) => definition ?? [])
const labelsOf = (template: string): string[] =>
  Array.from(template.matchAll(/\{\{(\w+)\}\}/g), ([, name]) => name ?? '')

const underscored = (name: string): string => name.replace(/\W/g, '_')

/** The time series that Prometheus makes of a metric, by its translation strategy UnderscoreEscapingWithSuffixes. */
const translated = ({ descriptor: { name, unit }, dataPointType, ...metric }: MetricData): string[] => {
  const base = `${underscored(name)}${unit === 's' ? '_seconds' : ''}`
  if (dataPointType === DataPointType.HISTOGRAM) return [`${base}_bucket`, `${base}_sum`, `${base}_count`]
  return [`${base}${'isMonotonic' in metric && metric.isMonotonic ? '_total' : ''}`]
}

/** All of them: the compiler misses none. */
const KINDS: Readonly<Record<VerdictKind, true>> = {
  ok: true,
  empty: true,
  invalid: true,
  unprocessable: true,
  unauthenticated: true,
  forbidden: true,
  missing: true,
  conflict: true,
  billing: true,
  'quota-exhausted': true,
  'rate-limited': true,
  'concurrency-limited': true,
  overloaded: true,
  'server-error': true,
  network: true,
  timeout: true,
  aborted: true,
  unknown: true,
}

/** What an expression names, with Grafana's variables filled in. Throws if it is no PromQL. */
const namesIn = (expression: string): { metrics: string[]; labels: string[] } => {
  const text = expression.replaceAll('$__rate_interval', '5m')
  const metrics: string[] = []
  const labels: string[] = []
  parser.parse(text).iterate({
    enter: ({ name, from, to, type }) => {
      if (type.isError) throw new SyntaxError(`not PromQL at ${from}: ${text}`)
      if (name === 'Identifier') metrics.push(text.slice(from, to))
      if (name === 'LabelName') labels.push(text.slice(from, to))
    },
  })
  return { metrics, labels }
}

describe('the alert rules and the dashboard', () => {
  let exported: readonly MetricData[] = []
  let series: ReadonlySet<string> = new Set()
  let labels: ReadonlySet<string> = new Set()

  beforeAll(async () => {
    const charge = { 'x-credits-charged': '2', 'x-credits-remaining': '98' }
    const { fetch, metrics } = traced(
      respond({ status: 503, headers: { 'retry-after': '0' } }, { headers: charge }, 500, 200),
      {
        below: [backoffJitter({ baseMs: 1 }), concurrencyGate({ limit: 1 }), creditMeter({ budget: 100 })],
        live: true,
      },
    )
    await Promise.all([fetch('https://api.example.com/'), fetch('https://api.example.com/')])
    exported = await metrics()
    series = new Set(exported.flatMap(translated))
    const attributes = exported.flatMap(({ dataPoints }) =>
      dataPoints.flatMap((point) => Object.keys(point.attributes)),
    )
    labels = new Set([...attributes.map(underscored), 'le'])
  })

  const check = (expression: string): void => {
    const names = namesIn(expression)
    expect(names.metrics.length).toBeGreaterThan(0)
    for (const name of names.metrics) expect(series).toContain(name)
    for (const name of names.labels) expect(labels).toContain(name)
    for (const [, kinds = ''] of expression.matchAll(/aplomb_verdict[=!]~?"([^"]*)"/g))
      for (const kind of kinds.split('|')) expect(KINDS).toHaveProperty([kind])
  }

  test('a wrong name, and what is no PromQL, would be found', () => {
    expect(() => check('rate(aplomb_no_such_total[5m])')).toThrow('aplomb_no_such_total')
    expect(() => check('aplomb_attempts_total{aplomb_verdict="fine"}')).toThrow('fine')
    expect(() => check('sum by (nobody) (aplomb_attempts_total)')).toThrow('nobody')
    expect(() => check('sum(rate(aplomb_attempts_total[5m])')).toThrow(SyntaxError)
  })

  test.each(rules)('the rule $alert', (rule) => {
    check(rule.expr)
    expect(rule.for).toMatch(/^\d+m$/)
    expect(rule.labels['severity']).toMatch(/^(?:critical|warning)$/)
    const said = Object.values(rule.annotations).join(' ')
    for (const [, name] of said.matchAll(/\$labels\.(\w+)/g)) expect(labels).toContain(name)
  })

  test('there are two rules', () => {
    expect(rules).toHaveLength(2)
  })

  test.each(targets)('the query $expr', ({ expr, legendFormat }) => {
    check(expr)
    for (const name of labelsOf(legendFormat)) expect(labels).toContain(name)
  })

  test('the dashboard can be imported as it is', () => {
    expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(36)
    for (const { datasource } of dashboard.panels) expect(datasource.uid).toBe('${datasource}')
    expect(dashboard.templating.list.map(({ name }) => name)).toEqual(['datasource', 'server'])
    expect(variables).toHaveLength(1)
    for (const definition of variables) {
      const [, metric, label] = /^label_values\((\w+), (\w+)\)$/.exec(definition) ?? []
      expect(series).toContain(metric)
      expect(labels).toContain(label)
    }
  })

  test('all that is exported is on the dashboard and on the page', () => {
    const shown = new Set(targets.flatMap(({ expr }) => namesIn(expr).metrics))
    const page = read('README.md')
    for (const metric of exported) {
      expect(
        translated(metric).some((name) => shown.has(name)),
        metric.descriptor.name,
      ).toBe(true)
      const [first = ''] = translated(metric)
      expect(page).toContain(`| \`${metric.descriptor.name}\`<br>\`${first.replace(/_bucket$/, '')}\` |`)
    }
    expect(page.match(/^\| `(?:aplomb|http\.client)\.[\w.]+`<br>`/gm)).toHaveLength(exported.length)
  })
})
