import type { BodyRow, CodeRow, HeaderRow } from '../vendor.ts'

// Shopify

export const headers: readonly HeaderRow[] = [
  // Witness: shopify-rest: 200-leaky-bucket
  { header: 'x-shopify-shop-api-call-limit', means: 'used/limit' },
]

export const codes: readonly CodeRow[] = [
  // Witness: shopify-graphql: 200-max-cost-exceeded
  { code: /^maxcostexceeded$/, kind: 'invalid' },
]

export const bodies: readonly BodyRow[] = [
  // A leaky bucket: what is asked for beyond what is there comes back at a rate.
  // Witness: shopify-graphql: 200-throttled
  {
    key: 'throttleStatus',
    limit: 'maximumAvailable',
    remaining: 'currentlyAvailable',
    perSecond: 'restoreRate',
    asked: 'requestedQueryCost',
    name: 'query cost',
  },
]

export const requestIds: readonly string[] = [
  // Witness: shopify: request id
  'x-shopify-request-id',
]
