import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { respond } from '@aplomb/mock-api'
import { FORMATS, maskFormats } from '../src/formats.ts'
import { maskTokens } from '../src/words.ts'
import { maskPairs } from '../src/pairs.ts'
import { logged } from './helpers.ts'

const letters = (count: number): string => 'abcdefghij'.repeat(10).slice(0, count)
const hex = (count: number): string => 'abcdef0123'.repeat(10).slice(0, count)

/** At least one key of each form. Built here, and plain: so nobody takes them for real, nor can entropy give them away. */
const SAMPLES: Readonly<Record<string, readonly string[]>> = {
  'OpenAI, Anthropic, OpenRouter, DeepSeek': ['sk-', 'sk-proj-', 'sk-ant-api03-', 'sk-or-v1-', 'sk-svcacct-'].map(
    (one) => one + letters(40),
  ),
  'Stripe, Clerk, ElevenLabs': ['sk_live_', 'sk_test_', 'rk_live_', 'pk_live_', 'sk_'].map((one) => one + letters(24)),
  'Stripe webhook': [`whsec_${letters(32)}`],
  GitHub: [
    ...['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'].map((one) => one + letters(36)),
    `github_pat_${letters(22)}_${letters(59)}`,
  ],
  GitLab: ['glpat-', 'gldt-', 'glrt-'].map((one) => one + letters(20)),
  'AWS access key': ['AKIA', 'ASIA'].map((one) => one + letters(16).toUpperCase()),
  'Google API key': [`AIza${letters(35)}`],
  'Google OAuth': [`ya29.${letters(40)}`, `GOCSPX-${letters(28)}`, `1//0${letters(40)}`],
  'JSON Web Token': [`eyJ${letters(20)}.eyJ${letters(30)}.${letters(43)}`],
  Slack: ['xoxb-', 'xoxp-', 'xoxe.xoxp-', 'xapp-'].map((one) => one + letters(24)),
  'Slack webhook': [`hooks.slack.com/services/${letters(9)}/${letters(9)}/${letters(24)}`],
  'Discord webhook': [`discord.com/api/webhooks/12345/${letters(40)}`],
  'Discord bot': [`M${letters(23)}.${letters(6)}.${letters(38)}`],
  Telegram: [`123456789:${letters(35)}`],
  Twilio: [`AC${hex(32)}`, `SK${hex(32)}`],
  SendGrid: [`SG.${letters(22)}.${letters(43)}`],
  Mailgun: [`key-${hex(32)}`],
  Mailchimp: [`${hex(32)}-us12`],
  Brevo: [`xkeysib-${hex(64)}-${letters(16)}`],
  Resend: [`re_${letters(32)}`],
  Postmark: [`PM-T-${letters(32)}`],
  npm: [`npm_${letters(36)}`],
  PyPI: [`pypi-${letters(60)}`],
  RubyGems: [`rubygems_${hex(48)}`],
  Docker: [`dckr_pat_${letters(27)}`],
  'Hugging Face': [`hf_${letters(34)}`],
  Replicate: [`r8_${letters(37)}`],
  Groq: [`gsk_${letters(52)}`],
  xAI: [`xai-${letters(80)}`],
  Perplexity: [`pplx-${letters(48)}`],
  NVIDIA: [`nvapi-${letters(64)}`],
  Fireworks: [`fw_${letters(24)}`],
  'Tavily, Firecrawl': [`tvly-dev-${letters(32)}`, `fc-${hex(32)}`],
  Apify: [`apify_api_${letters(36)}`],
  Databricks: [`dapi${hex(32)}`],
  DigitalOcean: [`dop_v1_${hex(64)}`],
  Heroku: [`HRKU-${letters(60)}`],
  Netlify: [`nfp_${letters(36)}`],
  Vercel: [`vcp_${letters(24)}`],
  Cloudflare: [`v1.0-${hex(24)}-${hex(80)}`],
  'Fly.io': [`fm2_${letters(60)}`],
  Shopify: ['shpat_', 'shpss_', 'shpca_'].map((one) => one + hex(32)),
  Square: [`sq0atp-${letters(22)}`, `EAAA${letters(60)}`],
  'PayPal, Braintree': [`access_token$production$${letters(16)}$${hex(32)}`],
  Facebook: [`EAAC${letters(80)}`],
  X: [`${'A'.repeat(22)}${letters(70)}`],
  Linear: [`lin_api_${letters(40)}`],
  Notion: [`secret_${letters(43)}`, `ntn_${letters(46)}`],
  Airtable: [`pat${letters(14)}.${hex(64)}`],
  Atlassian: [`ATATT3${letters(60)}=ABCDEF01`, `ATBB${letters(32)}`],
  Postman: [`PMAK-${hex(24)}-${hex(34)}`],
  'New Relic': [`NRAK-${letters(27)}`],
  Sentry: [`sntrys_${letters(60)}`],
  Grafana: [`glsa_${letters(32)}_abcdef01`, `glc_${letters(40)}`],
  Pulumi: [`pul-${hex(40)}`],
  Terraform: [`${letters(14)}.atlasv1.${letters(60)}`],
  Vault: [`hvs.${letters(90)}`],
  Doppler: [`dp.pt.${letters(43)}`],
  PlanetScale: [`pscale_tkn_${letters(43)}`],
  Supabase: [`sbp_${hex(40)}`],
  HubSpot: ['pat-na1-12345678-abcd-abcd-abcd-abcdefabcdef'],
  Mapbox: [`pk.eyJ${letters(40)}.${letters(22)}`],
  Contentful: [`CFPAT-${letters(43)}`],
  Figma: [`figd_${letters(40)}`],
  Dropbox: [`sl.${letters(60)}`],
  Plaid: ['access-production-12345678-abcd-abcd-abcd-abcdefabcdef'],
  Razorpay: [`rzp_live_${letters(14)}`],
  'Flutterwave, Paystack': [`FLWSECK_TEST-${letters(32)}`],
  Adyen: [`AQE${letters(60)}`],
  Tailscale: [`tskey-auth-${letters(17)}-${letters(32)}`],
  LaunchDarkly: ['sdk-12345678-abcd-abcd-abcd-abcdefabcdef'],
  '1Password': [`ops_eyJ${letters(80)}`],
  Typeform: [`tfp_${letters(44)}`],
  'Alibaba, Tencent': [`LTAI${letters(20)}`, `AKID${letters(32)}`],
  Okta: [`00${letters(40)}`],
  'Azure storage': [`AccountKey=${letters(86)}==`],
  age: [`AGE-SECRET-KEY-1${letters(58).toUpperCase()}`],
}

describe('10. keys of known forms are masked in free text', () => {
  test('there are more than forty of them, each with a sample', () => {
    expect(Object.keys(FORMATS).length).toBeGreaterThan(40)
    expect(Object.keys(SAMPLES)).toEqual(Object.keys(FORMATS))
  })

  test.each(Object.entries(SAMPLES))('%s', (_, samples) => {
    for (const sample of samples) {
      for (const text of [
        `Invalid key ${sample}, see docs`,
        `{"k":"${sample}"}`,
        `(${sample})`,
        sample,
        `a=${sample}&b=2`,
      ]) {
        const masked = maskFormats(text)
        expect(masked).toContain('[redacted]')
        expect(masked).not.toContain(sample.slice(-12))
      }
    }
  })

  test('private keys, and what follows a scheme', () => {
    const pem = ['-----BEGIN RSA PRIVATE KEY-----', letters(60), '-----END RSA PRIVATE KEY-----'].join('\n')
    expect(maskFormats(`x ${pem} y`)).toBe('x [redacted] y')
    expect(maskFormats('Authorization: Bearer abc-123, Basic YTpi1=')).toBe(
      'Authorization: Bearer [redacted], Basic [redacted]',
    )
    expect(maskFormats('Bearer authentication required')).toBe('Bearer authentication required')
  })
})

describe('10. what people write is left alone', () => {
  test.each([
    'Rate limit reached for gpt-4o-mini-2024-07-18 in organization acme on requests per min (RPM): Limit 3, Used 3',
    'Please slow down. Allowed Maximum concurrent request limit has been reached.',
    '429, x-concurrent-threads-active 3 of 3',
    'InsufficientCreditsError: RESOURCE_EXHAUSTED at 2026-11-22T12:00:00.000Z, try again in 6m0s',
    'getaddrinfo ENOTFOUND api.example.com; UND_ERR_CONNECT_TIMEOUT after 10000 ms',
    'No record for 192.168.10.20 and 2001:db8::1 at https://api.example.com/v1/lookup/8.8.8.8?page=2',
    'max_tokens: 4096, tokens=12, API key: not found, session: expired',
    'The vulnerability is technically an internationalization problem',
  ])('%s', (text) => {
    expect(maskTokens(maskPairs(maskFormats(text)))).toBe(text)
  })
})

/** Drawn by lot, as keys are: of letters and digits, or of all that base64url has. */
const ALPHANUMERIC = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const drawn = (from: string, minLength: number) =>
  fc.string({ unit: fc.constantFrom(...from.split('')), minLength, maxLength: 64 })
const token = fc
  .oneof(drawn(ALPHANUMERIC, 24), drawn('0123456789abcdef', 24), drawn(`${ALPHANUMERIC}-_`, 32), fc.uuid())
  .filter((one) => /\d/.test(one) && new Set(one).size > 8)
/** Short and wordy: it can only be known because the request holds it as a secret. */
const password = fc.constantFrom('hunter22', 'correcthorse', 'opensesame', 'letmein!')
const name = fc.stringMatching(/^[a-z][a-z-]{2,12}$/).filter((one) => !['accept', 'date', 'server'].includes(one))

const scenario = fc.record({
  secret: token,
  name,
  word: password,
  place: fc.constantFrom('query', 'bare-query', 'path', 'header', 'json-body', 'form-body', 'key', 'nowhere'),
  echo: fc.constantFrom(
    'message',
    'text',
    'html',
    'nested',
    'header',
    'url',
    'error',
    'cause',
    'aggregate',
    'custom-header',
  ),
  status: fc.constantFrom(200, 400, 401, 402, 403, 404, 422, 429, 500, 503),
})

const answer = (echo: string, status: number, secret: string, field: string) => {
  const failure = (message: string, options?: ErrorOptions): Error => new TypeError(message, options)
  switch (echo) {
    case 'message':
      return { status, body: { error: { message: `Incorrect key provided: ${secret}.`, code: secret } } }
    case 'text':
      return { status, headers: { 'content-type': 'text/plain' }, body: `denied for ${field}=${secret}; retry` }
    case 'html':
      return {
        status,
        headers: { 'content-type': 'text/html' },
        body: `<html><body>token <b>${secret}</b></body></html>`,
      }
    case 'nested':
      return { status, body: { message: 'no', echo: { request: [{ [field]: secret }] } } }
    case 'header':
      return { status, headers: { 'retry-after': '1', server: secret, 'x-ratelimit-limit': secret } }
    case 'custom-header':
      return { status, headers: { [field]: secret } }
    case 'url':
      return {
        status,
        body: { message: `GET https://user:${secret}@api.example.com/${secret}?${field}=${secret} failed` },
      }
    case 'error':
      return failure(`connect to https://api.example.com/?${field}=${secret} failed`)
    case 'cause':
      return failure('fetch failed', {
        cause: failure('socket', { cause: Object.assign(failure(`at ${secret}`), { code: secret }) }),
      })
    default:
      return failure('fetch failed', { cause: new AggregateError([failure(`tried ${secret}`)], 'all failed') })
  }
}

const requestWith = (place: string, secret: string, field: string): [string, RequestInit] => {
  const url = 'https://api.example.com/v1/things'
  const post = (body: string, type: string): [string, RequestInit] => [
    url,
    { method: 'POST', body, headers: { 'content-type': type } },
  ]
  switch (place) {
    case 'query':
      return [`${url}?${field}=${encodeURIComponent(secret)}&page=2`, {}]
    case 'bare-query':
      return [`${url}?${encodeURIComponent(secret)}`, {}]
    case 'path':
      return [`${url}/${encodeURIComponent(secret)}/items`, {}]
    case 'header':
      return [url, { headers: { [`x-${field}`]: secret, authorization: `Bearer ${secret}` } }]
    case 'json-body':
      return post(JSON.stringify({ [field]: secret }), 'application/json')
    case 'form-body':
      return post(new URLSearchParams({ [field]: secret }).toString(), 'application/x-www-form-urlencoded')
    default:
      return [url, {}]
  }
}

describe('11. no secret ever appears in a record', () => {
  test('wherever it was put, and wherever the server or an error repeats it', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ secret, name: field, place, echo, status }) => {
        const keyed = place === 'key' ? { key: secret } : {}
        const { fetch, records } = logged(respond(answer(echo, status, secret, field)), {}, [], keyed)
        await fetch(...requestWith(place, secret, field)).catch(() => undefined)
        expect(records).toHaveLength(2)
        const all = JSON.stringify(records)
        expect(all).not.toContain(secret)
        expect(all).not.toContain(encodeURIComponent(secret))
      }),
      { numRuns: 1000 },
    )
  })

  test('not even a plain word, if the request holds it as a secret', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ word, place, echo, status }) => {
        fc.pre(place === 'query' || place === 'header')
        const { fetch, records } = logged(respond(answer(echo, status, word, 'note')))
        await fetch(...requestWith(place, word, 'api-key')).catch(() => undefined)
        expect(records).toHaveLength(2)
        expect(JSON.stringify(records)).not.toContain(word)
      }),
      { numRuns: 300 },
    )
  })

  test('nor the parts of credentials and cookies', async () => {
    const basic = btoa('admin-user:open sesame')
    const headers = {
      authorization: `Basic ${basic}`,
      cookie: 'sid=plainvalue; theme=dark',
      'proxy-authorization': 'Digest response="abcdefabcdef"',
    }
    const said = `user admin-user with open sesame, ${basic}, sid plainvalue, digest abcdefabcdef`
    const { fetch, records } = logged(respond({ status: 500, body: { message: said } }))
    await fetch('https://api.example.com/', { headers })
    expect(records[0]).toMatchObject({
      message: 'user [redacted] with [redacted], [redacted], sid [redacted], digest [redacted]',
    })
  })
})

describe('12. users extend the redaction', () => {
  test('by names that may be shown, and by a function that takes out more', async () => {
    const redact = {
      query: ['IP'],
      headers: ['X-Tenant'],
      text: (text: string) => text.replaceAll('Acme', '[customer]'),
    }
    const failure = {
      status: 400,
      body: { message: 'Acme may not ask for 10.0.0.1 or blue' },
      headers: { 'x-tenant': 'green' },
    }
    const { fetch, records } = logged(respond(failure), { redact })
    await fetch('https://api.example.com/x?ip=10.0.0.1&colour=blue', { headers: { 'x-tenant': 'red' } })
    expect(records[0]).toMatchObject({
      url: 'https://api.example.com/x?ip=10.0.0.1&colour=[redacted]',
      message: '[customer] may not ask for 10.0.0.1 or blue',
      requestHeaders: { 'x-tenant': 'red' },
      responseHeaders: { 'x-tenant': 'green' },
    })
  })

  test('a function that throws leaves the text out', async () => {
    const report = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const redact = {
      text: (): string => {
        throw new Error('no')
      },
    }
    const { fetch, records } = logged(respond({ status: 400, body: { message: 'Acme' } }), { redact })
    await fetch('https://api.example.com/')
    expect(records[0]).toMatchObject({ message: '[redacted]' })
    expect(report).toHaveBeenCalled()
  })
})

describe('13. texts of any size and make', () => {
  const pieces = [
    'eyJ-',
    'fc-',
    'sk-a-',
    'a=',
    '"a":',
    'a-',
    'a',
    '1.',
    'a/',
    'Bearer ',
    'A',
    '@',
    '[redacted]',
    '\\"',
    'token: ',
    'x.',
    ' ',
  ]

  /** In milliseconds of the processor: what else runs on the machine does not count. */
  const timeOf = async (work: () => Promise<unknown>): Promise<number> => {
    const before = process.cpuUsage()
    await work()
    return process.cpuUsage(before).user / 1000
  }

  test.each(pieces)('are bounded, and take milliseconds: %j', async (piece) => {
    const text = piece.repeat(Math.ceil(100_000 / piece.length))
    const { fetch, records } = logged(respond({ status: 500, headers: { 'content-type': 'text/plain' }, body: text }))
    expect(await timeOf(() => fetch('https://api.example.com/'))).toBeLessThan(500)
    expect(JSON.stringify(records).length).toBeLessThan(12_000)
  })

  test.each(pieces)('also in a URL, in a header and in an error: %j', async (piece) => {
    const text = piece.repeat(Math.ceil(20_000 / piece.length))
    const url = `https://api.example.com/${encodeURI(text)}?${encodeURIComponent(text)}=${encodeURIComponent(text)}`
    const { fetch, records } = logged(respond(new TypeError(text)))
    const call = () =>
      fetch(url, { headers: { 'x-any': text, cookie: text, authorization: `Basic ${text}` } }).catch(() => 0)
    expect(await timeOf(call)).toBeLessThan(1000)
    expect(records).toHaveLength(2)
    expect(JSON.stringify(records).length).toBeLessThan(12_000)
  })

  test('a key that the bound cuts through is not shown in part', async () => {
    for (let length = 1900; length < 2010; length++) {
      const body = `${'word '.repeat(length / 5)}${letters(length % 5)} sk-${letters(40)}`
      const { fetch, records } = logged(respond({ status: 500, headers: { 'content-type': 'text/plain' }, body }))
      await fetch('https://api.example.com/')
      expect(JSON.stringify(records)).not.toContain('sk-abcd')
    }
  })
})
