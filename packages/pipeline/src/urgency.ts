import type { Outgoing } from './contract.ts'

/** RFC 9218 section 4.1: 0 is the most urgent, 7 the least. */
export const URGENCIES = { from: 0, to: 7 } as const

/** RFC 9218 section 4.1. */
const DEFAULT_URGENCY = 3

/** `init.priority` is relative to that (Fetch standard). */
const BY_PRIORITY: Readonly<Record<string, number>> = { high: 1, low: 5 }

/** `u` of a dictionary (RFC 9218 section 5); what it makes no sense of is ignored. */
const URGENCY = /(?:^|,)\s*u=([0-7])\s*(?:[;,]|$)/

/** What a request says of its urgency: the header `Priority`, else `init.priority`. */
export const urgencyOf = ({ headers }: Pick<Outgoing, 'headers'>, priority: unknown): number => {
  const told = URGENCY.exec(headers.get('priority') ?? '')?.[1]
  if (told !== undefined) return Number(told)
  return (typeof priority === 'string' ? BY_PRIORITY[priority] : undefined) ?? DEFAULT_URGENCY
}
