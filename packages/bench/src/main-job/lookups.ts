import type { Client } from './clients.ts'
import { addressOf } from './settings.ts'

/** What became of lookups: counted by the client. */
export interface Counts {
  /** That gave a record, that gave the news that there is none, and that gave neither. */
  answered: number
  empty: number
  failed: number
  /** How often each error was thrown, by its message. */
  readonly errors: Record<string, number>
}

export const newCounts = (): Counts => ({ answered: 0, empty: 0, failed: 0, errors: {} })

/** Throws lookups at an API, all at once. */
export const lookUpAll = async (
  { lookup }: Pick<Client, 'lookup'>,
  origin: string,
  indexes: readonly number[],
  counts: Counts,
): Promise<void> => {
  const one = async (index: number): Promise<void> => {
    try {
      const record = await lookup(`${origin}/v1/lookup/${addressOf(index)}`)
      counts[record === null ? 'empty' : 'answered']++
    } catch (error) {
      counts.failed++
      const message = error instanceof Error ? error.message : String(error)
      counts.errors[message] = (counts.errors[message] ?? 0) + 1
    }
  }
  await Promise.all(indexes.map(one))
}
