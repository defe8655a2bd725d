import { createMockApi } from '@aplomb/mock-api'
import { aplomb } from 'aplomb'

const api = createMockApi({ concurrency: 5, latencyMs: 5, outages: [{ fromMs: 50, toMs: 400, status: 503 }] })
const fetch = aplomb({ fetch: api.fetch })

const answers = await Promise.all(
  Array.from({ length: 100 }, (_, i) => fetch(`https://api.test/v1/lookup/192.0.2.${i}`)),
)

const { requests, mostInFlight, rejections } = api.stats()
console.log(`${answers.filter(({ ok }) => ok).length} of 100 answered`)
console.log(`${requests} requests, ${mostInFlight} at once, ${rejections.outage} met the outage`)
