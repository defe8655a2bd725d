// How all profiles read requests, and what makes them refuse one.
import type { Call } from '../profile.ts'

export type Fields = Readonly<Record<string, unknown>>

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const fieldsOf = ({ body }: Pick<Call, 'body'>): Fields => (isFields(body) ? body : {})

export const wholeNumber = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : undefined

/** What a request names is there, unless it says so itself. */
export const isMissing = (name: string): boolean => name.includes('missing')

/** A key is right, unless there is none or it says so itself. */
export const keyFault = (key: string | null | undefined): 'absent' | 'wrong' | undefined =>
  key ? (key.includes('invalid') ? 'wrong' : undefined) : 'absent'

export const bearer = ({ headers }: Pick<Call, 'headers'>): string | undefined =>
  /^bearer\s+(\S+)$/i.exec(headers.get('authorization') ?? '')?.[1]

/** Up, so that a client who waits as told is never early. */
export const seconds = (ms: number): string => String(Math.ceil(ms / 1000))

export const MINUTE = 60_000
export const HOUR = 3_600_000
export const DAY = 86_400_000
