import { Bench } from 'tinybench'
import type { Subject } from './subjects.ts'

/** How much is measured. */
export interface Effort {
  /** Every subject once per round, in another order each time. */
  readonly rounds: number
  /** How often a subject is timed per round; the round keeps the median. */
  readonly samples: number
  /** Calls per timing, one after the other. */
  readonly calls: number
}

/** Microseconds per call, round by round. What has the same index was measured within the same moment. */
export type Timings = ReadonlyMap<string, readonly number[]>

const TARGET = 'https://api.example.com/v1/lookup/192.0.2.1?fields=geo'

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const [low = NaN, high = NaN] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]]
  return (low + high) / 2
}

/** By how much one is slower than another: the median over the rounds of what they differ by within a round. */
export const pairedDifference = (one: readonly number[], other: readonly number[]): number =>
  median(one.map((us, round) => us - (other[round] as number)))

/** The same as a ratio. */
export const pairedRatio = (one: readonly number[], other: readonly number[]): number =>
  median(one.map((us, round) => us / (other[round] as number)))

/** Every second round the other way round, so that nobody always comes first; and each time somebody else begins. */
const orderFor = <T>(items: readonly T[], round: number): readonly T[] => {
  const first = Math.floor(round / 2) % items.length
  const turned = [...items.slice(first), ...items.slice(0, first)]
  return round % 2 === 0 ? turned : turned.toReversed()
}

const round = async (
  subjects: readonly Subject[],
  { samples, calls }: Effort,
): Promise<ReadonlyMap<string, number>> => {
  const bench = new Bench({ iterations: samples, time: 0, warmup: false, throws: true })
  for (const { name, fetch } of subjects) {
    bench.add(
      name,
      async () => {
        for (let i = 0; i < calls; i++) await fetch(TARGET)
      },
      { async: true },
    )
  }
  const tasks = await bench.run()
  return new Map(
    tasks.map(({ name, result }) => {
      if (result.state !== 'completed') throw new Error(`${name}: ${result.state}`)
      return [name, (result.latency.p50 * 1000) / calls]
    }),
  )
}

/** Times all subjects in turns. What goes on beside it meets them all alike. */
export const measure = async (
  subjects: readonly Subject[],
  effort: Effort,
  progress: (done: number) => void = () => undefined,
): Promise<Timings> => {
  const timings = new Map(subjects.map(({ name }) => [name, [] as number[]]))
  // Until the code is compiled, and the figures no longer fall.
  for (let warmUp = 0; warmUp < 3; warmUp++) await round(subjects, { ...effort, samples: effort.samples * 3 })
  for (let done = 0; done < effort.rounds; done++) {
    for (const [name, us] of await round(orderFor(subjects, done), effort)) timings.get(name)?.push(us)
    progress(done + 1)
  }
  return timings
}
