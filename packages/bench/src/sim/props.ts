import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import Table from 'cli-table3'
import { Command, InvalidArgumentError, Option } from 'commander'
import { quantile } from './quantile.ts'
import { draw, type Kind, KINDS } from './scenarios.ts'
import { LEARNING, runCase, type Trial } from './trial.ts'

interface Arguments {
  readonly seeds: number
  readonly first: number
  readonly kind: readonly Kind[]
  readonly calls: number
  readonly processes: number
  readonly every: number
  readonly buckets: boolean
  readonly show: boolean
  readonly json: boolean
}

type Line = Trial & { readonly kind: string }

const whole = (text: string): number => {
  const value = Number(text)
  if (text.trim() !== '' && Number.isInteger(value) && value >= 1) return value
  throw new InvalidArgumentError('Accepted: a whole number from 1.')
}

const named = (list: string): readonly Kind[] => {
  const wanted = list.split(';').map((part) => part.trim())
  const found = KINDS.filter(({ name }) => wanted.some((part) => name === part))
  const kinds = found.length > 0 ? found : KINDS.filter(({ name }) => wanted.some((part) => name.includes(part)))
  if (kinds.length > 0) return kinds
  throw new InvalidArgumentError(`There are:\n  ${KINDS.map(({ name }) => name).join('\n  ')}`)
}

const options = new Command('pnpm --filter @aplomb/bench props')
  .description('Draws APIs by chance and simulates aplomb on them: what must hold for all of them, does it?')
  .addOption(new Option('--seeds <n>', 'cases of each kind').default(100).argParser(whole))
  .addOption(new Option('--first <n>', 'the first seed').default(1).argParser(whole))
  .addOption(
    new Option('--kind <list>', 'names, or parts of them, between semicolons').default(KINDS, 'all').argParser(named),
  )
  .addOption(new Option('--calls <n>', 'the most calls of a case').default(Infinity, 'as drawn').argParser(whole))
  .addOption(new Option('--processes <n>', 'side by side').default(availableParallelism()).argParser(whole))
  .addOption(new Option('--every <n>', 'only each n-th seed').default(1).argParser(whole))
  .option('--buckets', 'figures for each limit and service time', false)
  .option('--show', 'the cases themselves', false)
  .option('--json', 'a line for each case instead of tables', false)
  .showHelpAfterError('(--help lists the options)')
  .parse()
  .opts<Arguments>()

const { seeds, first, kind: kinds, calls, processes, every, buckets, show, json } = options

/** In this process. */
const trials = async function* (): AsyncGenerator<Line> {
  for (const kind of kinds) {
    for (let seed = first; seed < first + seeds; seed += every) {
      yield { ...(await runCase(kind, draw(kind, seed, calls))), kind: kind.name }
    }
  }
}

/** Shared out among processes: the clock of a simulation is a global. */
const shared = async (take: (line: Line) => void): Promise<void> => {
  const given = [
    '--kind',
    kinds.map(({ name }) => name).join(';'),
    ...(calls < Infinity ? ['--calls', `${calls}`] : []),
  ]
  const run = async (place: number): Promise<void> => {
    const slice = ['--first', `${first + place}`, '--seeds', `${seeds - place}`, '--every', `${processes}`]
    const child = spawn(process.execPath, [import.meta.filename, ...given, ...slice, '--processes', '1', '--json'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = once(child, 'exit')
    for await (const line of createInterface({ input: child.stdout })) take(JSON.parse(line) as Line)
    const [code] = await ended
    if (code !== 0) throw new Error(`a process ended with ${String(code)}`)
  }
  await Promise.all(Array.from({ length: Math.min(processes, seeds) }, (_, place) => run(place)))
}

const text = (value: number): string => (Number.isFinite(value) ? value.toFixed(2) : '–')

const figures = (all: readonly Line[]): string => {
  const table = new Table({
    head: [
      'kind',
      'limit, service',
      'seeds',
      'sent/answer',
      'p95',
      `less ${LEARNING}`,
      'bar',
      'share',
      'p5',
      'lost',
      'worst seed',
    ],
    style: { head: [], border: [], compact: true },
  })
  for (const { name, sent } of kinds) {
    const ofKind = all.filter(({ kind }) => kind === name)
    const groups = Map.groupBy(ofKind, ({ bucket }) => (buckets ? bucket : 'all'))
    for (const [bucket, group] of [...groups].toSorted(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))) {
      const at = (share: number, figure: (one: Line) => number) => quantile(group.map(figure), share)
      const settled = at(0.5, (one) => one.settledPerAnswer)
      const worst = group.toSorted((x, y) => y.settledPerAnswer - x.settledPerAnswer)[0]
      table.push([
        name,
        bucket,
        group.length,
        text(at(0.5, (one) => one.sentPerAnswer)),
        text(at(0.95, (one) => one.sentPerAnswer)),
        sent === undefined ? '–' : text(settled) + (settled > sent ? ' ✗' : ''),
        sent === undefined ? '–' : text(sent),
        text(at(0.5, (one) => one.share)),
        text(at(0.05, (one) => one.share)),
        group.reduce((sum, one) => sum + one.calls - one.answered, 0),
        worst && `${worst.seed} (${text(worst.settledPerAnswer)})`,
      ])
    }
  }
  return table.toString()
}

/** Where nothing breaks on purpose, each call should have its answer. */
const losses = (all: readonly Line[]): readonly string[] =>
  kinds.flatMap(({ name, sent }) => {
    if (sent === undefined) return []
    const counts: Record<string, number> = {}
    for (const { kind, gaveUp } of all) {
      if (kind === name) for (const [why, count] of Object.entries(gaveUp)) counts[why] = (counts[why] ?? 0) + count
    }
    return Object.entries(counts).map(([why, count]) => `lost (${name}): ${count} × ${why}`)
  })

/** The shortest cases first: they are the easiest to understand. */
const violations = (all: readonly Line[]): readonly string[] => {
  const found = all.flatMap(({ kind, seed, calls: many, violations: list }) =>
    list.map(({ rule, what }) => ({ sort: `${rule} (${kind})`, many, text: `seed ${seed}, ${many} calls: ${what}` })),
  )
  return [...Map.groupBy(found, ({ sort }) => sort)].map(([sort, list]) => {
    const shortest = list.toSorted((a, b) => a.many - b.many).slice(0, 5)
    return `✗ ${sort}: ${list.length} cases\n${shortest.map((one) => `    ${one.text}`).join('\n')}`
  })
}

const lines: Line[] = []
if (show) for (const kind of kinds) console.log(kind.name, JSON.stringify(draw(kind, first, calls)))
if (json) for await (const line of trials()) process.stdout.write(`${JSON.stringify(line)}\n`)
else {
  if (processes === 1) for await (const line of trials()) lines.push(line)
  else await shared((line) => lines.push(line))
  console.log(figures(lines))
  for (const loss of losses(lines)) console.log(loss)
  const broken = violations(lines)
  console.log(broken.length === 0 ? `${lines.length} cases, and no rule was broken` : broken.join('\n'))
  if (broken.length > 0) process.exitCode = 1
}
