import { classify } from '@aplomb/classify'
import { createFetch, type CreateFetchOptions, type Fetch, type Middleware } from '@aplomb/pipeline'
import { log, type LogOptions, type LogRecord } from '../src/index.ts'

/** A pipeline of log, the middlewares below it, and classify; with what it logged. */
export const logged = (
  inner: Fetch,
  options: LogOptions = {},
  below: readonly Middleware[] = [],
  pipeline: CreateFetchOptions = {},
): { fetch: Fetch; records: LogRecord[] } => {
  const records: LogRecord[] = []
  const sink = (record: LogRecord): void => void records.push(record)
  return {
    records,
    fetch: createFetch([log({ sink, ...options }), ...below, classify()], { ...pipeline, fetch: inner }),
  }
}
