/** What is known of a request without its body being read. */
export interface Asking {
  readonly method: string
  readonly url: string
  readonly headers: Pick<Headers, 'get'>
  /** The body, where the caller gave it as a string. */
  readonly text: string | undefined
}

/** A sign by which client libraries tell something about a request. */
export interface Mark {
  readonly name: string
  readonly shows: (asking: Asking) => boolean
}

const above = (name: string, least: number, pattern = /^(\d+)$/): Mark['shows'] => {
  return ({ headers }) => Number(pattern.exec(headers.get(name) ?? '')?.[1] ?? -1) >= least
}

/** The tokens that tell a GraphQL document's operations (GraphQL spec, sections 2.1 and 2.3); all others are skipped. */
const TOKENS = /"""(?:\\"""|[^])*?"""|"(?:\\.|[^"\\\n\r])*"|#[^\n\r]*|[{}()]|[_A-Za-z]\w*/g

/** Whether a document has queries and fragments alone: no mutation, no subscription, and nothing that is no GraphQL. */
const isQuery = (document: unknown): boolean => {
  if (typeof document !== 'string') return false
  let depth = 0
  let within = false
  let found = false
  for (const [token] of document.matchAll(TOKENS)) {
    if (token.startsWith('#')) continue
    if (!within && !['query', 'fragment', '{'].includes(token)) return false
    within = true
    if (token === '{' || token === '(') depth++
    if (token === '}' || token === ')') depth--
    if (token === '}' && depth === 0) {
      within = false
      found = true
    }
  }
  return found && !within
}

const GRAPHQL = /\bgraphql\b/i

const isGraphQLQuery = ({ method, url, headers, text }: Asking): boolean => {
  if (method !== 'POST' || text === undefined) return false
  // Others have a member `query`, too.
  if (!GRAPHQL.test(url.split('?', 1)[0] ?? '') && !GRAPHQL.test(headers.get('accept') ?? '')) return false
  try {
    const body: unknown = JSON.parse(text)
    const operations: readonly { readonly query?: unknown }[] = Array.isArray(body) ? body : [body]
    return operations.length > 0 && operations.every((one) => isQuery(one?.query))
  } catch {
    return false
  }
}

/** Requests that their client library repeats by itself after any failure, whatever their method. */
export const REPEATED_BY_CLIENT: readonly Mark[] = [
  {
    name: 'x-stainless-retry-count',
    shows: above('x-stainless-retry-count', 0),
    // openai 7.57.0 and @anthropic-ai/sdk 1.14.0, client.mjs: `buildHeaders`, `shouldRetry`; packages/bench runs both.
    // https://github.com/openai/openai-node/blob/master/src/client.ts
  },
  {
    name: 'GraphQL query',
    shows: isGraphQLQuery,
    // "the resolution of fields other than top-level mutation fields must always be side effect-free and idempotent"
    // https://spec.graphql.org/October2021/#sec-Normal-and-Serial-Execution
  },
]

/** Requests that are such a repetition. */
export const REPETITIONS: readonly Mark[] = [
  {
    name: 'x-stainless-retry-count',
    shows: above('x-stainless-retry-count', 1),
    // https://github.com/openai/openai-node/blob/master/src/client.ts
  },
  {
    name: 'x-retry-count',
    shows: above('x-retry-count', 1),
    // @supabase/postgrest-js 2.119.1: `fetchWithRetry`; packages/bench runs it.
    // https://github.com/supabase/supabase-js/blob/master/packages/core/postgrest-js/src/fetchWithRetry.ts
  },
  {
    name: 'amz-sdk-request',
    shows: above('amz-sdk-request', 2, /\battempt=(\d+)/),
    // https://github.com/smithy-lang/smithy-typescript/blob/main/packages/middleware-retry/src/retryMiddleware.ts
  },
]
