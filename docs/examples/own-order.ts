import { backoffJitter } from '@aplomb/backoff-jitter'
import { classify, verdictOf } from '@aplomb/classify'
import { createFetch } from '@aplomb/pipeline'
import { retryAfter } from '@aplomb/retry-after'

const fetch = createFetch(
  [backoffJitter({ maxAttempts: 3, baseMs: 200 }), retryAfter({ maxWaitMs: 5000 }), classify()],
  {
    timeoutMs: 20_000,
    onEvent: (event) => {
      if (event.type === 'retry') console.log(`${event.by} waits ${event.waitMs} ms: ${event.reason}`)
    },
  },
)

const response = await fetch('https://api.example.com/v1/lookup/192.0.2.1')
const { kind, evidence } = verdictOf(response)
console.log(kind, evidence)
