// The same package, by `require`.
import { aplomb, type Middleware, RateLimitError } from 'aplomb'

const pass: Middleware = (request, next) => next(request)
export const client = aplomb({ use: [pass] })
export const isLimit = (error: unknown) => error instanceof RateLimitError && error.retryAt
