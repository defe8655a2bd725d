import type { ClientName } from './run.ts'

const single = (names: Readonly<Record<string, string>>, list: string): string =>
  [
    ...Object.entries(names).map(([name, from]) => `import { ${name} } from '@aplomb/${from}'`),
    `import { createFetch } from '@aplomb/pipeline'`,
    '',
    `const fetch = createFetch([${list}])`,
  ].join('\n')

const BACKOFF = { backoffJitter: 'backoff-jitter' }
const HOLD = { ...BACKOFF, classify: 'classify', retryAfter: 'retry-after' }

/** What each client is in a program of one's own. */
export const CODE: Readonly<Record<ClientName, string>> = {
  naive: `const get = async (url) => {
  for (let attempt = 0; ; attempt++) {
    const response = await fetch(url)
    if (response.ok || attempt === 3) return response
    await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** attempt))
  }
}`,
  backoff: single(BACKOFF, 'backoffJitter()'),
  hold: single(HOLD, 'backoffJitter(), retryAfter(), classify()'),
  gate: single(
    { ...HOLD, concurrencyGate: 'concurrency-gate' },
    'backoffJitter(), concurrencyGate(), retryAfter(), classify()',
  ),
  aplomb: `import { aplomb } from 'aplomb'\n\nconst fetch = aplomb()`,
}
