// APIFreaks: apifreaks.com/docs and its OpenAPI specifications, "Concurrency limits", "Credits", "Error codes", as
// collected in November 2026. The limits are those of the plan with 80 000 credits.
import type { Call, Handler, Problems, Profile, Reply } from '../profile.ts'
import { pick } from '../random.ts'
import { isMissing, keyFault } from './values.ts'

type Limit = 'concurrency' | 'credits'

const error = ({ url }: Call<Limit>, status: number, category: string, message: string): Reply => ({
  status,
  body: { timestamp: new Date().toISOString(), path: url.pathname, status, error: category, message },
})

const invalid = (call: Call<Limit>, message: string): Reply => error(call, 400, 'Bad Request', message)

/** The answer about what is asked for, if there is a record of it. */
const lookup =
  (parameter: string, answer: (asked: string, call: Call<Limit>) => object): Handler<Limit> =>
  (call) => {
    const asked = call.url.searchParams.get(parameter)
    if (asked === null || asked === '') return invalid(call, `Required parameter '${parameter}' is missing.`)
    if (/^(?:10|127)\.|^192\.168\./.test(asked)) return error(call, 423, 'Locked', `'${asked}' is a bogon IP address.`)
    if (isMissing(asked)) return error(call, 404, 'Record not Found', `No Record Found across: ${asked}`)
    return { body: answer(asked, call) }
  }

const COUNTRIES: readonly [readonly string[], ...(readonly string[])[]] = [
  ['NO', 'Norway', 'Oslo'],
  ['KE', 'Kenya', 'Nairobi'],
  ['JP', 'Japan', 'Tokyo'],
]

/** What each route costs, and whether it is one of those that the ceiling is for. */
const ROUTES: Readonly<
  Record<string, { readonly cost: number; readonly limited: boolean; readonly handler: Handler<Limit> }>
> = {
  'GET /v1.0/geolocation/lookup': {
    cost: 1,
    limited: false,
    handler: lookup('ip', (ip, { random }) => {
      const [country_code2, country_name, city] = pick(random, COUNTRIES)
      return { ip, location: { country_code2, country_name, city } }
    }),
  },
  'GET /v1.0/domain/whois/live': {
    cost: 1,
    limited: false,
    handler: lookup('domainName', (domain_name) => ({
      status: true,
      domain_name,
      whois_server: 'whois.example.com',
      domain_registered: 'yes',
      create_date: '2001-01-01',
    })),
  },
  'GET /v2.1/dns/reverse': {
    cost: 10,
    limited: true,
    handler: lookup('value', () => ({ totalRecords: 0, totalPages: 1, currentPage: 1, reverseDnsRecords: [] })),
  },
  'GET /v1.0/scraping': {
    cost: 10,
    limited: true,
    handler: lookup('url', (url) => ({ url, statusCode: 200, content: '<html></html>' })),
  },
  'GET /v1.0/email-validation/single': {
    cost: 1,
    limited: true,
    handler: lookup('email', (email) => ({ email, isValid: true })),
  },
}

const FAILURES: Readonly<Record<number, readonly [error: string, message: string]>> = {
  403: ['API Access Exception', 'One-off Credits are not active.'],
  408: [
    'Request Timeout',
    'Unable to fetch whois data. Please try again. [For Technical Support email at: support@apifreaks.com]',
  ],
  500: ['Internal Server Error', 'Something went wrong. [For Technical Support: support@apifreaks.com]'],
  503: ['Service Unavailable', 'The service is temporarily unavailable. Please try again.'],
}

const problems: Problems<Limit> = {
  concurrency: (_, call) =>
    error(
      call,
      429,
      'Too Many Requests',
      'Please slow down. Allowed Maximum concurrent request limit has been reached.',
    ),
  credits: (_, call) =>
    error(
      call,
      402,
      'Payment Required',
      'Subscription credits allowed limit exceeded. Please buy new plan or add one-off credits for using APIFreaks.',
    ),
  route: (_, call) => error(call, 404, 'Not Found', `No endpoint ${call.method} ${call.url.pathname}.`),
  failure({ status }, call) {
    const [name, message] = FAILURES[status] ?? ['Error', 'The request was refused.']
    return error(call, status, name, message)
  },
}

export const apifreaks: Profile<Limit> = {
  name: 'apifreaks',
  limits: {
    /** For the heavy routes alone. */
    concurrency: 3,
    credits: 80_000,
  },
  routes: {
    ...Object.fromEntries(Object.entries(ROUTES).map(([route, { handler }]) => [route, handler])),
    'GET /v1.0/credits/usage/info': (call) => {
      const { spent, left } = call.credits()
      return {
        body: { subAllowedCredits: spent + left, subUsedCredits: spent, oneOffAllowedCredits: 0, oneOffUsedCredits: 0 },
      }
    },
  },
  weigh: () => ({}),
  cost: ({ route = '' }) => ROUTES[route]?.cost ?? 0,
  isCounted: ({ route = '' }) => ROUTES[route]?.limited === true,
  admit(call) {
    const fault = keyFault(call.headers.get('x-apikey') ?? call.url.searchParams.get('apiKey'))
    if (fault === undefined) return undefined
    const message = fault === 'absent' ? 'Please provide an API key.' : 'Provided API key is invalid.'
    return error(call, 401, 'Unauthorized', `${message} [For Technical Support: support@apifreaks.com]`)
  },
  headers: ({ charged, concurrency, inFlight }, { route = '' }) => ({
    'x-af-credits-cost': String(charged),
    ...(ROUTES[route]?.limited === true &&
      concurrency !== Infinity && {
        'x-concurrent-threads': String(concurrency),
        'x-concurrent-threads-active': String(inFlight),
      }),
  }),
  problems,
}
