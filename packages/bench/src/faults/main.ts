import { availableParallelism } from 'node:os'
import { inspect } from 'node:util'
import { Command, InvalidArgumentError, Option } from 'commander'
import { switchOff } from '../sim/rules.ts'
import { type Break, BREAKS } from './breaks.ts'
import type { Part } from './check.ts'
import { runSeeds } from './pool.ts'
import { forget, type Progress, resume, save } from './progress.ts'
import type { RuleName, Violation } from './rules.ts'
import { SIMPLER, type Simpler } from './simpler.ts'

interface Arguments extends Part {
  readonly seeds: number
  readonly first: number
  readonly seed?: number
  readonly processes: number
  readonly fresh: boolean
  readonly break?: Break
  readonly breaks: boolean
}

const whole = (text: string): number => {
  const value = Number(text)
  if (text.trim() !== '' && Number.isInteger(value) && value >= 0) return value
  throw new InvalidArgumentError('Accepted: a whole number from 0.')
}
const wholes = (list: string): readonly number[] => list.split(',').map(whole)
const simpler = (list: string): readonly Simpler[] => {
  const names = list.split(',')
  if (names.every((name): name is Simpler => Object.hasOwn(SIMPLER, name))) return names
  throw new InvalidArgumentError(`There are: ${Object.keys(SIMPLER).join(', ')}.`)
}
const named = (text: string): Break => {
  const found = BREAKS.find(({ name }) => name === text)
  if (found) return found
  throw new InvalidArgumentError(`There are:\n  ${BREAKS.map(({ name }) => name).join('\n  ')}`)
}

/** What a run may break before it ends: more of the same say no more. */
const MOST_FAILURES = 50
/** The seeds that a mutant has to be found in, of a hundred calls each. */
const SEEDS_FOR_A_BREAK = 400
const EVERY_MS = 5000

const options = new Command('npm run simulate --')
  .description(
    'Plays calls against servers, networks, clocks, stores and processes that fail in every way, on a clock that jumps from timer to timer, and looks from both ends of the network whether what is promised holds.',
  )
  .addOption(new Option('--seeds <n>', 'runs, of a hundred calls on average').default(10_000).argParser(whole))
  .addOption(new Option('--first <n>', 'the first seed').default(1).argParser(whole))
  .addOption(new Option('--seed <n>', 'this one alone: what breaks is made smaller, and shown').argParser(whole))
  .addOption(new Option('--calls <list>', 'of that seed only these calls').argParser(wholes))
  .addOption(new Option('--without <list>', 'of that seed nothing of these').argParser(simpler))
  .addOption(new Option('--processes <n>', 'side by side').default(availableParallelism()).argParser(whole))
  .option('--fresh', 'from the first seed on, also where a run was broken off', false)
  .addOption(new Option('--break <name>', 'breaks a promise on purpose').argParser(named))
  .option('--breaks', 'breaks each in turn, or that one, and says by which seed its rule has found it', false)
  .showHelpAfterError('(--help lists the options)')
  .parse()
  .opts<Arguments>()

const commandFor = (seed: number, { calls, without = [] }: Part): string =>
  [
    `npm run simulate -- --seed ${seed}`,
    ...(calls ? [`--calls ${calls.join(',')}`] : []),
    ...(without.length > 0 ? [`--without ${without.join(',')}`] : []),
    ...(options.break ? [`--break '${options.break.name}'`] : []),
  ].join(' ')

const show = (violations: readonly Violation[]): void => {
  for (const { rule, what } of violations) console.log(`✗ ${rule}: ${what}`)
}

/** One seed, here: the smallest part of it that breaks the same. */
const one = async (seed: number): Promise<void> => {
  if (options.break) switchOff(options.break)
  const { planOf, runSeed, shrink } = await import('./check.ts')
  const { calls, without } = options
  const isPart = calls !== undefined || without !== undefined
  const { violations } = await runSeed(seed, { calls, without })
  const [first] = violations
  if (first === undefined) return console.log('No rule was broken')
  process.exitCode = 1
  show(violations)
  const part = isPart ? { calls, without } : ((await shrink(seed, first.rule))?.part ?? {})
  const { course } = await runSeed(seed, part)
  console.log(inspect(planOf(seed, part), { depth: 9, breakLength: 120 }))
  for (const line of course) console.log(line)
  if (!isPart) console.log(commandFor(seed, part))
}

const left = function* ({ first, seeds, done }: Progress): Generator<number> {
  const known = new Set(done)
  for (let seed = first; seed < first + seeds; seed++) if (!known.has(seed)) yield seed
}

const all = async (): Promise<void> => {
  const { first, seeds, processes, fresh } = options
  if (fresh) forget()
  const progress = resume(first, seeds)
  if (progress.done.length > 0) console.log(`${progress.done.length} of ${seeds} seeds were run before`)
  let toldAt = performance.now()
  const before = { at: toldAt, calls: progress.calls }
  const tell = (): void => {
    toldAt = performance.now()
    const rate = ((progress.calls - before.calls) * 1000) / (toldAt - before.at)
    const { done, calls, failures } = progress
    process.stderr.write(
      `${done.length} of ${seeds} seeds, ${calls} calls, ${rate.toFixed(0)}/s, ${failures.length} seeds break a rule\n`,
    )
  }
  await runSeeds(left(progress), { processes, broken: options.break?.name }, (seed, outcome) => {
    progress.done.push(seed)
    progress.calls += outcome.calls
    progress.sent += outcome.sent
    progress.answered += outcome.answered
    const { violations } = outcome
    if (violations.length > 0) progress.failures.push({ seed, violations })
    if (performance.now() - toldAt > EVERY_MS) {
      tell()
      save(progress)
    }
    return progress.failures.length < MOST_FAILURES
  })
  save(progress)
  const { calls, sent, answered, failures, done } = progress
  console.log(`${done.length} seeds, ${calls} calls, ${sent} requests, ${answered} calls answered`)
  const ofRule = Map.groupBy(
    failures.flatMap(({ seed, violations }) => violations.map((violation) => ({ seed, ...violation }))),
    ({ rule }) => rule,
  )
  for (const [rule, [example, ...more]] of ofRule) {
    console.log(`✗ ${rule}: ${more.length + 1} seeds, such as ${example?.seed}: ${example?.what}`)
    console.log(`  ${commandFor(example?.seed ?? 0, {})}`)
  }
  if (failures.length === 0) console.log('No rule was broken')
  else process.exitCode = 1
  if (done.length === seeds) forget()
}

const range = function* (from: number, count: number): Generator<number> {
  for (let seed = from; seed < from + count; seed++) yield seed
}

const eachBreak = async (): Promise<void> => {
  for (const { name, breaks } of options.break ? [options.break] : BREAKS) {
    let found: { readonly seed: number; readonly what: string } | undefined
    const others = new Set<RuleName>()
    let calls = 0
    const seeds = range(options.first, SEEDS_FOR_A_BREAK)
    await runSeeds(seeds, { processes: options.processes, broken: name }, (seed, { violations, calls: more }) => {
      calls += more
      for (const { rule } of violations) if (rule !== breaks) others.add(rule)
      const what = violations.find(({ rule }) => rule === breaks)?.what
      if (what !== undefined) found ??= { seed, what }
      return found === undefined
    })
    console.log(
      found
        ? `✓ ${breaks}: ${name}: seed ${found.seed}, after ${calls} calls: ${found.what}`
        : `✗ ${breaks}: ${name}: not found in ${calls} calls (${[...others].join(', ')})`,
    )
    if (!found) process.exitCode = 1
  }
}

if (options.seed !== undefined) await one(options.seed)
else if (options.breaks) await eachBreak()
else await all()
