import { KINDS, type Verdict } from '@aplomb/pipeline'
import { span } from './words.ts'

/** Whether a request may be sent again although it may have been carried out, and why. */
export interface Safety {
  readonly safe: boolean
  readonly why: string
}

/** A middleware of `aplomb()` that sends again. */
export type Sender = 'backoff-jitter' | 'concurrency-gate' | 'retry-after'

/** What becomes of a call that is alone, and is answered so at its first attempt. */
export type Outlook =
  | {
      readonly again: true
      readonly by: Sender
      /** When it is sent again, in milliseconds from the answer: at the earliest and at the latest. */
      readonly fromMs: number
      readonly toMs: number
      /** How often it is sent in all, if every answer is like this one. */
      readonly maxAttempts: number
    }
  | { readonly again: false; readonly why: string }

/** The defaults of the parts; what comes of them is tested beside `aplomb()` itself. */
const MAX_ATTEMPTS = 4
/** `maxWaitMs` of retry-after, and what the gate waits for. */
const MAX_WAIT_MS = 60_000
/** `maxMs`, `baseMs` and jitter of backoff-jitter. */
const MAX_DELAY_MS = 30_000
const BASE_MS = 1000
const ADDED_MS = 300
/** Those who wait for a time come back apart from each other, and timers round up. */
const SPREAD_MS = 20
/** What the gate waits where nobody else of the key is in flight. */
const ALONE_MS = 150

const not = (why: string): Outlook => ({ again: false, why })

const by = (
  sender: Sender,
  fromMs: number,
  spreadMs: number = SPREAD_MS,
  maxAttempts: number = MAX_ATTEMPTS,
): Outlook => ({ again: true, by: sender, fromMs, toMs: fromMs + spreadMs, maxAttempts })

/** A 429 that names neither cause nor wait. */
export const isSilent = ({ kind, retryAfterMs = 0 }: Verdict): boolean => kind === 'rate-limited' && retryAfterMs <= 0

/** Whether the key is held until the time that the answer names. */
export const isHeld = ({ kind, retryable, tentative, retryAfterMs = 0 }: Verdict): boolean =>
  retryable && !tentative && KINDS[kind].owner === 'retry-after' && retryAfterMs > 0

const whyNot = ({ action, hint }: Verdict): string => {
  if (action === 'use') return 'it is an answer'
  if (hint === false) return 'the server says not to'
  return action === 'pay' ? 'money helps, or the next period' : 'no repetition mends it'
}

export const outlookOf = (verdict: Verdict, { safe, why }: Safety): Outlook => {
  const { kind, action, retryable, tentative, hint, retryAfterMs: asked = 0 } = verdict
  if (action === 'use' || !retryable) return not(whyNot(verdict))
  if (!safe) return not(why)
  const within = (most: number, name: string, outlook: Outlook): Outlook =>
    asked > most ? not(`${span(asked)} is more than ${name} (${span(most)})`) : outlook
  if (!tentative) {
    if (kind === 'concurrency-limited')
      return within(MAX_WAIT_MS, 'the gate waits', by('concurrency-gate', Math.max(asked, ALONE_MS)))
    if (isHeld(verdict)) return within(MAX_WAIT_MS, 'maxWaitMs', by('retry-after', asked))
    if (isSilent(verdict)) return by('concurrency-gate', 0)
  }
  const attempts = tentative && hint !== true ? 2 : MAX_ATTEMPTS
  return within(MAX_DELAY_MS, 'maxMs', by('backoff-jitter', asked > 0 ? asked : BASE_MS, ADDED_MS, attempts))
}
