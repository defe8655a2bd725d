import type { ErrorHeaderRow, HeaderRow } from '../vendor.ts'

// Bright Data, once Luminati: what went wrong stands in headers, also with status 200

export const headers: readonly HeaderRow[] = [
  // Witness: brightdata: 200-1
  { header: 'x-brd-err-code', means: 'reason' },
  // Witness: brightdata: 429 under its old name
  { header: 'x-luminati-error-code', means: 'reason' },
  // Witness: brightdata: 200-1
  { header: /^x-(?:brd|luminati)-err(?:or|-msg)$/, means: 'reason' },
]

export const errorHeaders: readonly ErrorHeaderRow[] = [
  // Witness: brightdata: 402-1
  {
    codes: ['x-brd-err-code', 'x-luminati-error-code'],
    messages: ['x-brd-err-msg', 'x-brd-error', 'x-luminati-error'],
    kinds: [
      { code: /^policy/, kind: 'forbidden' },
      { code: /^/, kind: 'forbidden', on: [402] },
      { code: /^(?:client|target4)/, kind: 'invalid', on: [200] },
      { code: /^/, kind: 'server-error', on: [200] },
    ],
  },
]
