import type { Redactor } from './redact.ts'

/** An error without its stack. */
export interface ErrorRecord {
  readonly name: string
  readonly message: string
  readonly code?: string | undefined
  readonly cause?: ErrorRecord | undefined
}

const DEEPEST = 5

const read = (from: unknown, name: string): unknown => {
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

const describe = (error: unknown, redactor: Redactor, depth: number): ErrorRecord => {
  if (typeof error !== 'object' || error === null) return { name: typeof error, message: redactor.text(asText(error)) }
  const code = read(error, 'code')
  // Happy eyeballs: one error per address.
  const errors = read(error, 'errors')
  const cause = read(error, 'cause') ?? (typeof errors === 'object' ? read(errors, '0') : undefined)
  const isCode = typeof code === 'string' || typeof code === 'number'
  return {
    name: redactor.text(asText(read(error, 'name') ?? 'Error')),
    message: redactor.text(asText(read(error, 'message') ?? '')),
    ...(isCode && { code: redactor.text(String(code)) }),
    ...(cause !== undefined && depth < DEEPEST && { cause: describe(cause, redactor, depth + 1) }),
  }
}

/**
 * What is worth knowing of anything thrown, redacted: name, message, code, and up to four causes. Nothing else of it is
 * shown, for other properties may hold anything.
 */
export const describeError = (error: unknown, redactor: Redactor): ErrorRecord => describe(error, redactor, 1)
