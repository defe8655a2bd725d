import type { ErrorRecord } from './record.ts'
import type { Redactor } from './redact.ts'

const DEEPEST = 5

const read = (from: object, name: string): unknown => {
  try {
    return (from as Record<string, unknown>)[name]
  } catch {
    return undefined
  }
}

const asText = (value: unknown): string => {
  try {
    return String(value)
  } catch {
    return typeof value
  }
}

/** What is worth knowing of anything thrown, with its causes. Own properties other than these may hold anything. */
export const describeError = (error: unknown, redactor: Redactor, depth = 1): ErrorRecord => {
  if (typeof error !== 'object' || error === null) return { name: typeof error, message: redactor.text(asText(error)) }
  const code = read(error, 'code')
  // Happy eyeballs: one error per address.
  const errors = read(error, 'errors')
  const cause = read(error, 'cause') ?? (Array.isArray(errors) ? errors[0] : undefined)
  const isCode = typeof code === 'string' || typeof code === 'number'
  return {
    name: redactor.text(asText(read(error, 'name') ?? 'Error')),
    message: redactor.text(asText(read(error, 'message') ?? '')),
    ...(isCode && { code: redactor.text(String(code)) }),
    ...(cause !== undefined && depth < DEEPEST && { cause: describeError(cause, redactor, depth + 1) }),
  }
}
