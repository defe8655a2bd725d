import { type HeaderRow, rowsKind } from '@aplomb/limits'
import {
  callback,
  either,
  having,
  type Kind,
  type KindsOf,
  list,
  milliseconds,
  number,
  required,
  shape,
  string,
} from '@aplomb/pipeline'
import { type Lookups, lookupsKind } from './lookups.ts'
import type { Rule } from './types.ts'

/** Options of {@link classify}. */
export interface ClassifyOptions {
  /** Knowledge about particular APIs, asked first: {@link rules}, or your own. @default none */
  readonly rules?: readonly Rule[] | undefined
  /** Where 404 means "no such record". @default nowhere */
  readonly lookups?: Lookups | undefined
  /** Rows for limit headers of your own. */
  readonly rows?: readonly HeaderRow[] | undefined
  /** How much of an error's body is read, in bytes. 0 reads none. @default 65536 */
  readonly peekBytes?: number | undefined
  /** How long an error's body is waited for, in milliseconds. @default 1000 */
  readonly peekTimeoutMs?: number | undefined
}

/** Options of {@link classifyResponse}. */
export interface ClassifyResponseOptions extends ClassifyOptions {
  /** What was asked: lookups and profiles go by its URL. @default the response's `url` */
  readonly request?: { readonly url: string } | undefined
  /** When the response arrived, in epoch milliseconds. @default Date.now() */
  readonly receivedAt?: number | undefined
  /** Ends waiting for a body. */
  readonly signal?: AbortSignal | undefined
}

const LONGEST_TIMER_MS = 2 ** 31 - 1

const rule: Kind = either(
  shape<Rule>({ name: required(string()), reads: callback, judge: required(callback) }),
  having('a rule', 'judge'),
)

/** What each option takes. */
export const classifyOptions: KindsOf<ClassifyOptions> = {
  rules: list(rule, 'a list of rules'),
  lookups: lookupsKind,
  rows: rowsKind,
  peekBytes: number({ from: 0, to: 2 ** 31 - 1 }, 'bytes'),
  peekTimeoutMs: milliseconds({ above: 0, to: LONGEST_TIMER_MS }),
}

export const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

/** What each option of a lone response takes. */
export const classifyResponseOptions: KindsOf<ClassifyResponseOptions> = {
  ...classifyOptions,
  request: {
    takes: 'an object with a url',
    is: (value) => isObject(value) && 'url' in value && typeof value.url === 'string',
  },
  receivedAt: milliseconds({ from: 0, below: Infinity }),
  signal: { takes: 'an AbortSignal', is: (value) => isObject(value) && 'aborted' in value },
}
