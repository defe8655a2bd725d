import type { CodeRow, EnvelopeRow, HeaderRow } from '../vendor.ts'

// Meta: Facebook, Instagram, WhatsApp

export const headers: readonly HeaderRow[] = [
  // Witness: meta-graph: 200-business-usage
  { header: /^x-(?:app|page|ad-account|business-use-case)-usage$/, means: 'percentages' },
  // Witness: meta: 400 ads insights
  { header: 'x-fb-ads-insights-throttle', means: 'percentages' },
]

export const envelopes: readonly EnvelopeRow[] = [
  // Witness: meta: 400 ads insights
  { code: 'error.code', as: 'meta', where: { 'error.fbtrace_id': /^/, 'error.type': /^"OAuthException"$/ } },
]

export const codes: readonly CodeRow[] = [
  // Application, user, page, custom and business use case limits
  // Witness: meta: 400 ads insights
  { code: /^meta(?:4|17|32|341|613|800\d\d)$/, kind: 'rate-limited', on: [400, 403] },
]

export const requestIds: readonly string[] = [
  // Witness: meta: 400 ads insights
  'x-fb-request-id',
]

export const proxyIds: readonly string[] = [
  // Witness: meta: 400 ads insights
  'x-fb-trace-id',
]
