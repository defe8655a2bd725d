import { Command, InvalidArgumentError, Option } from 'commander'
import fc from 'fast-check'
import { TARGETS, type Target } from './targets.ts'

interface Arguments {
  readonly minutes: number
  readonly seed: number
  readonly path?: string
  readonly target: readonly Target[]
}

const number = (text: string): number => {
  const value = Number(text)
  if (text.trim() !== '' && value >= 0 && Number.isFinite(value)) return value
  throw new InvalidArgumentError('Accepted: a number from 0.')
}
const named = (text: string): readonly Target[] => {
  const found = TARGETS.filter(({ name }) => name.includes(text))
  if (found.length > 0) return found
  throw new InvalidArgumentError(`There are:\n  ${TARGETS.map(({ name }) => name).join('\n  ')}`)
}

/** Inputs of each target, between two looks at the clock; those that are 64 KiB each are fewer. */
const ROUND = 100
const TIMED_ROUND = 5

const {
  minutes,
  seed,
  path,
  target: targets,
} = new Command('npm run fuzz --')
  .description(
    'Feeds whatever reads what a server says with real answers, and with changed ones: nothing throws, hangs, or is read as nonsense.',
  )
  .addOption(new Option('--minutes <n>', 'for so long').default(15).argParser(number))
  .addOption(
    new Option('--seed <n>', 'the first seed').default(Date.now() % 1e9, 'another each time').argParser(number),
  )
  .addOption(
    new Option('--target <name>', 'a part of the name of what is fed').default(TARGETS, 'all').argParser(named),
  )
  .option('--path <path>', 'to the one input that a finding has been made smaller to')
  .showHelpAfterError('(--help lists the options)')
  .parse()
  .opts<Arguments>()

const until = performance.now() + minutes * 60_000
const found = new Set<Target>()
const runs = new Map<Target, number>()
const round = async (first: number): Promise<void> => {
  for (const target of targets) {
    if (found.has(target)) continue
    const { failed, counterexample, counterexamplePath, errorInstance, numRuns } = await fc.check(target.property, {
      seed: first,
      numRuns: target.timed ? TIMED_ROUND : ROUND,
      ...(path !== undefined && { path, endOnFailure: true }),
    })
    runs.set(target, (runs.get(target) ?? 0) + numRuns)
    if (!failed) continue
    found.add(target)
    console.log(
      `✗ ${target.name}: ${String(errorInstance).slice(0, 1000)}\n  ${JSON.stringify(counterexample).slice(0, 2000)}`,
    )
    console.log(`  npm run fuzz -- --target '${target.name}' --seed ${first} --path ${counterexamplePath} --minutes 0`)
  }
}

console.log(`from seed ${seed} on, for ${minutes} minutes`)
let next = seed
do await round(next++)
while (performance.now() < until && found.size < targets.length)
for (const [{ name }, count] of runs) console.log(`${name}: ${count} inputs`)
console.log(`up to seed ${next - 1}`)
if (found.size > 0) process.exitCode = 1
