import type { ClientName } from './run.ts'

/** The clients, with each middleware added one by one. */
export const CLIENTS: Readonly<Record<ClientName, string>> = {
  naive: 'a retry loop',
  backoff: 'backoff-jitter',
  hold: '+ retry-after',
  gate: '+ concurrency-gate',
  aplomb: 'aplomb()',
}
