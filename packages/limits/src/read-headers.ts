import {
  boolean,
  either,
  judgeHead,
  type KindsOf,
  list,
  middleware,
  type Middleware,
  milliseconds,
  oneOf,
  readOptions,
  required,
  setReading,
  shape,
  string,
  type Kind,
} from '@aplomb/pipeline'
import { readHead } from './read.ts'
import { type HeaderRow, MEANINGS } from './rows.ts'
import { atCeiling, emptyWindow, windowWait, zeroLimit } from './signs.ts'
import { TIME_UNITS } from './values.ts'

/** Options of {@link readHeaders}. */
export interface ReadHeadersOptions {
  /** Rows for limit headers of your own. @default none */
  readonly rows?: readonly HeaderRow[] | undefined
}

const pattern: Kind = { takes: 'a pattern', is: (value) => value instanceof RegExp }
const lengthMs = milliseconds({ above: 0, below: Infinity })

/** What a list of {@link HeaderRow | rows} takes. */
export const rowsKind: Kind = list(
  shape<HeaderRow>({
    header: required(
      either(
        string('a name in lower case', (name) => name === name.toLowerCase()),
        pattern,
      ),
    ),
    means: required(oneOf(...MEANINGS)),
    unit: oneOf(...TIME_UNITS),
    name: string(),
    group: string(),
    windowMs: either(lengthMs, list(lengthMs, 'a list of such')),
    counts: string(),
    finer: boolean,
  }),
  'a list of rows',
)

const readHeadersOptions: KindsOf<ReadHeadersOptions> = { rows: rowsKind }

/**
 * Reads what the headers of each answer say about limits, for all the middlewares above: windows, concurrency, credits and
 * waits, and which limit a refusal has met. Reads no body. Belongs innermost.
 *
 * @throws {TypeError | RangeError} if an option is unknown or makes no sense.
 * @example
 * ```ts
 * const fetch = createFetch([concurrencyGate(), readHeaders()])
 * ```
 */
export const readHeaders = (options: ReadHeadersOptions = {}): Middleware => {
  const { rows } = readOptions('readHeaders', options, readHeadersOptions)
  return middleware('read-headers', async (request, next) => {
    const response = await next(request)
    const receivedAt = Date.now()
    const { limits } = readHead(response, { receivedAt, rows })
    const { status } = response
    const full = atCeiling(limits, status)
    const found = full ? { ...full, refused: true } : (zeroLimit(limits, status) ?? emptyWindow(limits, status))
    setReading(response, judgeHead(response, { limits, found, waitMs: windowWait(limits.windows) }, receivedAt))
    return response
  })
}
