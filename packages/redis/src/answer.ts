import { clock, type Constraint, keyOfAnswer, peekedWhole, verdictOf, type Weight } from '@aplomb/pipeline'
import { type Answer, type Request, toldVerdict } from './messages.ts'
import type { Seat } from './seat.ts'

export interface AnswerContext {
  readonly constraints: readonly Constraint[]
  readonly post: (request: Request) => void
  /** Whether its call has not been sent again since. */
  readonly isLatest: () => boolean
}

/** What is told of an answer; what comes later of its weight and its body is posted. */
export const answerOf = (
  { n, call, sentAt }: Seat,
  response: Response,
  { constraints, post, isLatest }: AnswerContext,
): Answer => {
  const verdict = toldVerdict(verdictOf(response))
  const from = keyOfAnswer(call, response)
  let weight: Weight | undefined
  let told = false
  // Without a body, it is over before it was told of.
  let isOver = false
  const over = (): void => {
    isOver = true
    if (told && isLatest()) post({ to: 'leader', type: 'read', n })
  }
  const lasts = constraints.some((one) => one.lasts?.(response, over)) && !isOver
  if (verdict.action === 'use' && from === call.key)
    call.weighs(response, (truth) => {
      if (told) post({ to: 'leader', type: 'settled', n, weight: truth })
      else weight ??= truth
    })
  told = true
  return {
    verdict,
    key: from === call.key ? undefined : from,
    whole: peekedWhole(response),
    lasts,
    type: response.headers?.get?.('content-type') ?? undefined,
    weight,
    canReplay: call.canReplay,
    gaveUp: call.gaveUp,
    tookMs: clock() - sentAt,
  }
}

/** Of one that goes with the next turn: how long ago it was heard is known as that is written down. */
export const dated = (answer: Answer): Answer => {
  const heardAt = clock()
  return {
    ...answer,
    get agoMs() {
      return clock() - heardAt
    },
  }
}

/** Whether the leader learns nothing from it that others wait for. */
export const isPlain = (
  { verdict: { action, limits, retryAfterMs }, lasts, key: elsewhere }: Answer,
  ceiling: number | undefined,
): boolean =>
  action === 'use' &&
  limits.windows.length === 0 &&
  (!limits.concurrency || limits.concurrency.limit === ceiling) &&
  retryAfterMs === undefined &&
  !lasts &&
  elsewhere === undefined
