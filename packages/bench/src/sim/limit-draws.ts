import { exact, inEpochSeconds, inFields, inSeconds, type LimitedApi } from './limited-api.ts'
import type { LimitMode } from './limit-modes.ts'
import { fixedWindow, slidingCounter, slidingLog, tokenBucket } from './rate-limits.ts'
import { generator } from './simulate.ts'

/** Limits of one sort, with numbers drawn by lot: what holds only for the numbers of a table does not hold. */
export interface LimitDraw {
  readonly name: string
  readonly draw: (chance: Chance) => LimitMode
}

/** What is drawn. */
interface Chance {
  /** A whole number, each order of magnitude as likely as the next. */
  readonly whole: (least: number, most: number) => number
  readonly among: <T>(...values: readonly T[]) => T
}

const chanceOf = (seed: number): Chance => {
  const random = generator(seed * 7919)
  return {
    whole: (least, most) => Math.round(least * (most / least) ** random()),
    among: (...values) => values[Math.floor(random() * values.length)] as (typeof values)[number],
  }
}

type Latency = LimitedApi['latencyMs']
const one = ({ whole }: Chance): Latency => {
  const ms = whole(10, 200)
  return () => ms
}
const mixed = ({ whole }: Chance): Latency => {
  const all = [whole(5, 20), whole(20, 80), whole(80, 250)]
  return (random) => all[Math.floor(random() * all.length)] ?? 0
}
const anyLatency = (chance: Chance): Latency => chance.among(one, mixed)(chance)

const upTo =
  (most: number) =>
  (random: () => number): number =>
    1 + Math.floor(random() * most)

const described = (name: string, mode: Omit<LimitMode, 'name'>): LimitMode => ({ name, ...mode })

const bucket = (chance: Chance): readonly [text: string, limit: LimitedApi['limits'][number]] => {
  const perSecond = chance.whole(5, 200)
  const burst = chance.whole(5, 100)
  const reset = chance.among('full' as const, 'next' as const, 'end' as const)
  return [`${perSecond}/s x ${burst}, ${reset}`, tokenBucket(perSecond, burst, reset)]
}

const slides = (chance: Chance): readonly [text: string, limit: LimitedApi['limits'][number]] => {
  const limit = chance.whole(15, 150)
  const lengthMs = chance.among(1000, 2000, 5000, 10_000)
  const [name, make] = chance.among(['counter', slidingCounter] as const, ['log', slidingLog] as const)
  return [`${name} ${limit} per ${lengthMs} ms`, make(limit, lengthMs)]
}

/** The sorts of the table of limits. */
export const LIMIT_DRAWS: readonly LimitDraw[] = [
  {
    name: 'announced bucket',
    draw: (chance) => {
      const [text, limit] = bucket(chance)
      const announce = chance.among(inSeconds, exact())
      return described(text, {
        api: { limits: [limit], announce, latencyMs: anyLatency(chance) },
        share: 0.95,
        sent: 1.02,
      })
    },
  },
  {
    name: 'announced, slides, one latency',
    draw: (chance) => {
      const [text, limit] = slides(chance)
      return described(text, {
        api: { limits: [limit], announce: inFields, latencyMs: one(chance) },
        share: 0.93,
        sent: 1.05,
      })
    },
  },
  {
    name: 'announced, slides, mixed',
    draw: (chance) => {
      const [text, limit] = slides(chance)
      return described(text, {
        api: { limits: [limit], announce: inFields, latencyMs: mixed(chance) },
        share: 0.82,
        sent: 1.1,
      })
    },
  },
  {
    name: 'epoch seconds',
    draw: (chance) => {
      const [limit, lengthMs, phaseMs] = [chance.whole(60, 250), 1000 * chance.whole(3, 12), chance.whole(1, 3000)]
      const api = {
        limits: [fixedWindow(limit, lengthMs, phaseMs)],
        announce: inEpochSeconds,
        latencyMs: mixed(chance),
      }
      return described(`${limit} per ${lengthMs} ms + ${phaseMs}`, { api, share: 0.95, sent: 1.02 })
    },
  },
  {
    name: 'two windows',
    draw: (chance) => {
      const perSecond = chance.whole(20, 100)
      const each = chance.among(5, 10)
      const limit = Math.round(perSecond * each * chance.among(0.6, 0.7, 0.8))
      const limits = [fixedWindow(perSecond, 1000), fixedWindow(limit, each * 1000)]
      return described(`${perSecond}/s and ${limit} per ${each} s`, {
        api: { limits, announce: inFields, latencyMs: anyLatency(chance) },
        share: 0.97,
        sent: 1.02,
      })
    },
  },
  ...[false, true].map((weightsKnown) => ({
    name: `tokens, weights ${weightsKnown ? 'known' : 'unknown'}`,
    draw: (chance: Chance) => {
      const most = chance.whole(5, 40)
      const perSecond = chance.whole(20 * most, 80 * most)
      const burst = Math.round(perSecond * chance.among(0.3, 0.5, 1, 2))
      return described(`${perSecond}/s x ${burst}, 1 to ${most}`, {
        api: { limits: [tokenBucket(perSecond, burst)], announce: exact('tokens'), latencyMs: anyLatency(chance) },
        weight: upTo(most),
        weightsKnown,
        ...(weightsKnown ? { share: 0.95, sent: 1.03 } : { share: 0.88, sent: 1.2 }),
      })
    },
  })),
  {
    name: 'moving ceiling, silent',
    draw: (chance) => {
      const most = [chance.whole(5, 20), chance.whole(2, 5), chance.whole(8, 25)]
      const [eachMs, ms] = [chance.whole(1500, 4000), chance.whole(80, 300)]
      return described(`${most.join(', ')} for ${eachMs} ms, ${ms} ms`, {
        api: { limits: [], ceiling: { eachMs, most }, latencyMs: (random) => ms * (0.8 + random() * 0.4) },
        share: 0.88,
        sent: 1.1,
      })
    },
  },
  {
    name: 'bucket, silent',
    draw: (chance) => {
      const [text, limit] = bucket(chance)
      return described(text, { api: { limits: [limit], latencyMs: anyLatency(chance) }, share: 0.95, sent: 1.15 })
    },
  },
  ...[400, 1600].map((calls) => ({
    name: `sliding log, silent, ${calls} calls`,
    draw: (chance: Chance) => {
      const [limit, lengthMs] = [chance.whole(20, 100), chance.among(500, 1000, 2000)]
      return described(`${limit} per ${lengthMs} ms`, {
        api: { limits: [slidingLog(limit, lengthMs)], latencyMs: mixed(chance) },
        calls,
        ...(calls > 400 ? { share: 0.86, sent: 1.1 } : { share: 0.74, sent: 1.2 }),
      })
    },
  })),
  {
    name: '8 clients: bucket, silent',
    draw: (chance) => {
      const perSecond = chance.whole(20, 100)
      const burst = chance.whole(10, 50)
      return described(`${perSecond}/s x ${burst}`, {
        api: { limits: [tokenBucket(perSecond, burst)], latencyMs: mixed(chance) },
        clients: 8,
        share: 0.72,
        sent: 1.6,
      })
    },
  },
  {
    name: '8 clients: tokens',
    draw: (chance) => {
      const most = chance.whole(10, 30)
      const perSecond = chance.whole(20 * most, 60 * most)
      return described(`${perSecond}/s, 1 to ${most}`, {
        api: { limits: [tokenBucket(perSecond, perSecond / 2)], announce: exact('tokens'), latencyMs: mixed(chance) },
        weight: upTo(most),
        clients: 8,
        share: 0.85,
        sent: 1.6,
      })
    },
  },
]

/** What is drawn of a sort, the same for the same seed. */
export const drawLimit = ({ draw }: LimitDraw, seed: number): LimitMode => draw(chanceOf(seed))
