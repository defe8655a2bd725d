// GitHub: docs.github.com, "Rate limits for the REST API", "Rate limits and query limits for the GraphQL API",
// "Troubleshooting the REST API"; answers in the wild as collected in November 2026. The limits are those of a user's token.
import type { Call, Handler, Problems, Profile, Reply } from '../profile.ts'
import { bearer, type Fields, fieldsOf, HOUR, isMissing, keyFault, MINUTE, seconds } from './values.ts'

type Limit = 'core' | 'graphql' | 'secondary' | 'secondary-graphql' | 'concurrency'

const DOCS = 'https://docs.github.com/rest'

const error = (status: number, message: string, more: Fields = {}): Reply => ({
  status,
  body: { message, ...more, documentation_url: DOCS, status: String(status) },
})

const ID = 583_231
const user = (login: string) => ({
  login,
  id: ID,
  node_id: 'U_1',
  type: 'User',
  url: `https://api.github.com/users/${login}`,
})

const repository = (owner: string, name: string) => ({
  id: 1_296_269,
  node_id: 'R_1',
  name,
  full_name: `${owner}/${name}`,
  private: false,
  owner: user(owner),
  default_branch: 'main',
  open_issues_count: ISSUES,
})

const ISSUES = 3
const issue = (number: number, title: string) => ({
  id: 1000 + number,
  number,
  state: 'open',
  title,
  user: user('octocat'),
  labels: [],
  comments: 0,
  created_at: '2026-01-01T00:00:00Z',
})

/** The answer, unless the repository or the user is not there. */
const found =
  (answer: (params: Readonly<Record<string, string>>, call: Call<Limit>) => unknown): Handler<Limit> =>
  (call, params) =>
    Object.values(params).some(isMissing) ? error(404, 'Not Found') : { body: answer(params, call) }

const createIssue: Handler<Limit> = (call, params) => {
  const { title } = fieldsOf(call)
  if (Object.values(params).some(isMissing)) return error(404, 'Not Found')
  if (call.body === undefined) return error(400, 'Problems parsing JSON')
  if (typeof title !== 'string' || title === '') {
    return error(422, 'Validation Failed', { errors: [{ resource: 'Issue', code: 'missing_field', field: 'title' }] })
  }
  const number = Number(call.memory.get('issues') ?? ISSUES) + 1
  call.memory.set('issues', number)
  return { status: 201, body: issue(number, title) }
}

const queryOf = (call: Pick<Call, 'body'>): string => {
  const { query } = fieldsOf(call)
  return typeof query === 'string' ? query : ''
}

const isMutation = (query: string): boolean => /^\s*mutation\b/.test(query)

/** Requests that fill each connection, each inside the one before, by the hundred: at least one. */
const costOf = (query: string): number => {
  let nodes = 1
  let requests = 1
  for (const [, count] of query.matchAll(/\b(?:first|last)\s*:\s*(\d+)/g)) {
    nodes *= Number(count)
    requests += nodes
  }
  return Math.max(1, Math.round(requests / 100))
}

const graphql: Handler<Limit> = (call) => {
  const query = queryOf(call)
  if (query === '') return error(400, 'A query attribute must be specified and must be a string.')
  const { limit = 0, remaining = 0, resetMs = 0 } = call.window('graphql') ?? {}
  const data = {
    viewer: { login: 'octocat' },
    repository: { name: 'hello-world', issues: { totalCount: ISSUES, nodes: [{ number: 1, title: 'Found a bug' }] } },
    rateLimit: {
      cost: costOf(query),
      limit,
      remaining,
      used: limit - remaining,
      resetAt: momentOf(Date.now() + resetMs),
    },
  }
  const asked = Object.entries(data).filter(([name]) => new RegExp(`\\b${name}\\b`).test(query))
  return { body: { data: Object.fromEntries(asked) } }
}

/** Costs nothing, and is answered when nothing is left. */
const rateLimit: Handler<Limit> = (call) => {
  const of = (name: Limit) => {
    const { limit = 0, remaining = 0, resetMs = 0 } = call.window(name) ?? {}
    return { limit, remaining, used: limit - remaining, reset: Math.ceil((Date.now() + resetMs) / 1000) }
  }
  return { body: { resources: { core: of('core'), graphql: of('graphql') }, rate: of('core') } }
}

const momentOf = (ms: number): string => new Date(Math.ceil(ms / 1000) * 1000).toISOString().replace('.000', '')

const isPrimary = (name: Limit): boolean => name === 'core' || name === 'graphql'

const EXCEEDED = `API rate limit exceeded for user ID ${ID}.`

const secondary = (waitMs: number): Reply => ({
  ...error(
    403,
    'You have exceeded a secondary rate limit. Please wait a few minutes before you try again. For more on scraping GitHub and how it may affect your rights, please review our Terms of Service (https://docs.github.com/en/site-policy/github-terms/github-terms-of-service)',
  ),
  headers: { 'retry-after': seconds(waitMs) },
})

const FAILURES: Readonly<Record<number, string>> = {
  403: 'Resource not accessible by personal access token',
  500: 'Server Error',
  502: 'Server Error',
  503: 'No server is currently available to service your request. Sorry about that. Please try resubmitting your request and contact us if the problem persists.',
}

const problems: Problems<Limit> = {
  window({ name, waitMs }) {
    if (!isPrimary(name)) return secondary(waitMs)
    if (name === 'core') return error(403, EXCEEDED)
    return { body: { errors: [{ type: 'RATE_LIMITED', message: EXCEEDED }] } }
  },
  // Nobody says for how long: its guide tells to wait for a minute.
  concurrency: () => secondary(MINUTE),
  route: () => error(404, 'Not Found'),
  failure({ status, waitMs }) {
    const reply = error(status, FAILURES[status] ?? 'The request was refused.')
    return waitMs === undefined ? reply : { ...reply, headers: { 'retry-after': seconds(waitMs) } }
  },
}

export const github: Profile<Limit> = {
  name: 'github',
  limits: {
    core: { kind: 'fixed', limit: 5000, windowMs: HOUR },
    /** In points, by what a query asks for. */
    graphql: { kind: 'fixed', limit: 5000, windowMs: HOUR },
    /** In points: 1 to read, 5 to write. No header tells them. */
    secondary: { kind: 'fixed', limit: 900, windowMs: MINUTE },
    'secondary-graphql': { kind: 'fixed', limit: 2000, windowMs: MINUTE },
    concurrency: 100,
  },
  routes: {
    'GET /user': () => ({ body: user('octocat') }),
    'GET /users/:user': found(({ user: login = '' }) => user(login)),
    'GET /repos/:owner/:repo': found(({ owner = '', repo = '' }) => repository(owner, repo)),
    'GET /repos/:owner/:repo/issues': found(() =>
      Array.from({ length: ISSUES }, (_, i) => issue(i + 1, 'Found a bug')),
    ),
    'POST /repos/:owner/:repo/issues': createIssue,
    'GET /rate_limit': rateLimit,
    'POST /graphql': graphql,
  },
  weigh(call) {
    if (call.route === 'GET /rate_limit') return { core: 0, graphql: 0 }
    const query = queryOf(call)
    if (call.route === 'POST /graphql') {
      return { graphql: costOf(query), 'secondary-graphql': isMutation(query) ? 5 : 1 }
    }
    return { core: 1, secondary: /^(?:GET|HEAD|OPTIONS)$/.test(call.method) ? 1 : 5 }
  },
  admit(call) {
    const fault = keyFault(bearer(call) ?? /^token (\S+)$/.exec(call.headers.get('authorization') ?? '')?.[1])
    if (fault === 'wrong') return error(401, 'Bad credentials')
    // What is public may be read by anybody.
    return fault === 'absent' && (call.method !== 'GET' || call.route === 'GET /user')
      ? error(401, 'Requires authentication')
      : undefined
  },
  headers({ windows: { core, graphql: points }, nowMs }, { id }) {
    const window = core ?? points
    return {
      ...(window && {
        'x-ratelimit-limit': String(window.limit),
        'x-ratelimit-remaining': String(window.remaining),
        'x-ratelimit-used': String(window.limit - window.remaining),
        'x-ratelimit-reset': seconds(nowMs + window.resetMs),
        'x-ratelimit-resource': window.name,
      }),
      'x-github-media-type': 'github.v3; format=json',
      'x-github-request-id': (id.slice(0, 20).match(/.{4}/g) ?? []).join(':').toUpperCase(),
    }
  },
  problems,
}
