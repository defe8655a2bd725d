import { ownLimits, type RequestLine, type Verdict } from '@aplomb/pipeline'
import type { Sent } from './sent.ts'

/** Refusals for a limit that is an endpoint's own: no matter of the key. */
export interface OwnRefusals {
  /** Whether this was the last one. */
  is(request: RequestLine): boolean
  served(sent: Sent): void
  /** Refused silently; `random` if chance explains it. Returns whether the limit is its endpoint's own, and whether that has just been found. */
  refused(verdict: Verdict, sent: Sent, random: boolean): ReturnType<ReturnType<typeof ownLimits>['refused']>
}

export const newOwnRefusals = (): OwnRefusals => {
  const endpoints = ownLimits()
  let last: RequestLine | undefined
  return {
    is: (request) => request === last,
    served: ({ request, at }) => endpoints.served(request, at),
    refused: ({ limits, retryAfterMs }, { request, at }, random) => {
      const aboutKey = random || limits.concurrency !== undefined || retryAfterMs !== undefined
      const own = aboutKey ? undefined : endpoints.refused(request, at)
      last = own && request
      return own
    },
  }
}
