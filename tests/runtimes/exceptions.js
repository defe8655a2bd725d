/**
 * Where a runtime's bare fetch and ours may differ: `{ runtime, check, why }`. One that no longer differs fails the run.
 */
const UNTOLD = 'a browser does not say why a request failed, so a GET is sent again'

export const exceptions = [
  { runtime: 'chromium', check: 'redirect error: GET', why: UNTOLD },
  { runtime: 'chromium', check: 'redirect follow: a loop', why: UNTOLD },
]
