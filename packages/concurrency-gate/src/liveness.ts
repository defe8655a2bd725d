import { clock, type RequestLine } from '@aplomb/pipeline'

/** For so long after a good answer, in milliseconds, refusals are a matter of our pace. */
const SERVING_MS = 10_000
/** What was learned is a hypothesis: with nothing sent for so long, in milliseconds, one request may go all the same. Without it a wrong period starves a key. */
const FLOOR_MS = 10_000

/** When a key was last asked, and served. */
export interface Liveness {
  /** On the `clock`. */
  servedAt(): number
  /** Whether it was served of late: then a refusal will pass. */
  serving(): boolean
  /** Whether different calls were refused since the last success: one may have met something that is only about itself. */
  severalRefused(): boolean
  /** Milliseconds until a request may go although what was learned speaks against it. */
  floorMs(): number
  sent(): void
  served(): void
  refused(request: RequestLine): void
}

export const newLiveness = (): Liveness => {
  let sentAt = -Infinity
  let servedAt = -Infinity
  let refusedCall: RequestLine | undefined
  let severalRefused = false
  return {
    servedAt: () => servedAt,
    serving: () => clock() - servedAt < SERVING_MS,
    severalRefused: () => severalRefused,
    floorMs: () => Math.max(0, sentAt + FLOOR_MS - clock()),
    sent: () => {
      sentAt = clock()
    },
    served: () => {
      servedAt = clock()
      refusedCall = undefined
      severalRefused = false
    },
    refused: (request) => {
      if (refusedCall !== undefined && refusedCall !== request) severalRefused = true
      refusedCall = request
    },
  }
}
