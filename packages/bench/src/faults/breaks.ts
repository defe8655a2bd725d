import type { Rule } from '../sim/rules.ts'
import type { RuleName } from './rules.ts'

/** A change of the source that breaks a promise, and the rule that finds it. */
export interface Break extends Rule {
  readonly breaks: RuleName
}

export const BREAKS: readonly Break[] = [
  {
    name: 'one attempt too many',
    breaks: 'attempts',
    file: 'backoff-jitter/src/index.ts',
    find: 'if (call.counted >= most) return',
    replace: 'if (call.counted > most) return',
  },
  {
    name: 'a 500 is a refusal before processing',
    breaks: 'repeats',
    file: 'pipeline/src/verdict.ts',
    find: 'new Set([421, 425, 429])',
    replace: 'new Set([421, 425, 429, 500])',
  },
  {
    name: 'an announced ceiling is taken for one more',
    breaks: 'ceiling',
    file: 'concurrency-gate/src/ceiling.ts',
    find: 'const announced = named ??',
    replace: 'const announced = (named === undefined ? undefined : named + 1) ??',
  },
  {
    name: 'a hold ends a second early',
    breaks: 'named time',
    file: 'retry-after/src/hold.ts',
    find: 'Math.max(until, clock() + ms)',
    replace: 'Math.max(until, clock() + ms - 1000)',
  },
  {
    name: 'a wait of more than five seconds never ends',
    breaks: 'settles',
    file: 'pipeline/src/sleep.ts',
    find: ': later(finish, Math.max(0, left))',
    replace: ': left > 5000 ? undefined : later(finish, Math.max(0, left))',
  },
  {
    name: 'waits are bounded each, and not in sum',
    breaks: 'bound',
    file: 'pipeline/src/call.ts',
    find: 'this.maxTotalWaitMs - this.#totalWaitMs',
    replace: 'this.maxTotalWaitMs',
  },
  {
    name: 'the time-out runs from the second half on',
    breaks: 'time-out',
    file: 'pipeline/src/run.ts',
    find: "timeoutError('call', timeoutMs)), timeoutMs)",
    replace: "timeoutError('call', timeoutMs)), timeoutMs * 1.5)",
  },
  {
    name: 'an abort ends a call when its middlewares say so',
    breaks: 'abort',
    file: 'pipeline/src/run.ts',
    find: 'const abort = (): void => call.controller?.abort(caller?.reason)',
    replace: 'const abort = (): void => void later(() => call.controller?.abort(caller?.reason), 50)',
  },
  {
    name: 'a failure that was charged is free',
    breaks: 'credits',
    file: 'credit-meter/src/credit-meter.ts',
    find: 'const cost = known ?? 0',
    replace: "const cost = verdict.action === 'use' ? (known ?? 0) : 0",
  },
  {
    name: 'a budget has ten credits more',
    breaks: 'budget',
    file: 'credit-meter/src/admit.ts',
    find: 'const stop = tidy((limit * stopAt) / 100)',
    replace: 'const stop = tidy((limit * stopAt) / 100 + 10)',
  },
  {
    name: 'the listener of a call stays on its signal',
    breaks: 'left over',
    file: 'pipeline/src/run.ts',
    find: 'stopFollowing?.()',
    replace: '',
  },
  {
    name: 'texts are shown as they are',
    breaks: 'secret',
    file: 'redact/src/redact.ts',
    find: 'const spans: [from: number, to: number][] = []',
    replace: 'if (text.length > 0) return text\n  const spans: [from: number, to: number][] = []',
  },
  {
    name: 'what was given up is closed again',
    breaks: 'crash',
    file: 'redis/src/told-response.ts',
    find: 'cancel: () => void (close = nothing),',
    replace: '',
  },
  {
    name: 'two calls at once get one answer',
    breaks: 'mix-up',
    file: 'pipeline/src/run.ts',
    find: `const work = async (): Promise<Response> => chain.run(source, call, send)
    work().then((response) => {`,
    replace: `const work = async (): Promise<Response> => chain.run(source, call, send)
    work().then((answer) => {
      const shared = globalThis as { mixed?: Response }
      const response = shared.mixed ?? answer
      shared.mixed = shared.mixed ? undefined : answer`,
  },
]
