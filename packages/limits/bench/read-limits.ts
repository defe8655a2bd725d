// What reading the headers of one response costs. Run with `node bench/read-limits.ts`.
import { readLimits } from '../src/index.ts'

const PLAIN = {
  'cache-control': 'no-store',
  'content-encoding': 'br',
  'content-type': 'application/json',
  date: 'Thu, 15 Jan 2026 12:00:00 GMT',
  server: 'nginx',
  'strict-transport-security': 'max-age=31536000',
  vary: 'accept-encoding',
  'x-request-id': 'req_1',
}
const LIMITED = {
  ...PLAIN,
  'x-ratelimit-limit': '5000',
  'x-ratelimit-remaining': '4999',
  'x-ratelimit-reset': '1768478460',
}

const RUNS = 20_000
const ROUNDS = 15

/** Microseconds per call, the median of several rounds. Every response is a fresh one: undici sorts headers once. */
const measure = (headers: Record<string, string>): number => {
  const rounds: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const responses = Array.from({ length: RUNS }, () => new Response(null, { headers }))
    const start = performance.now()
    for (const response of responses) readLimits(response)
    rounds.push(((performance.now() - start) / RUNS) * 1000)
  }
  return rounds.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? Number.NaN
}

console.log(`no limit header, ${Object.keys(PLAIN).length} headers: ${measure(PLAIN).toFixed(2)} µs`)
console.log(`three limit headers: ${measure(LIMITED).toFixed(2)} µs`)
