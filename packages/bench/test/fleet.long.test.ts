import { describe, expect, it } from 'vitest'
import { chaos } from '../src/fleet/chaos.ts'
import { hasRedis, startRedis } from '../src/fleet/redis-server.ts'
import { FLEET_ROWS } from '../src/fleet/rows.ts'

describe('eight processes with one key', () => {
  it.each(FLEET_ROWS.slice(0, 4))('$name: as one fleet they send less, and lose nothing', async ({ run }) => {
    const alone = await run(1, false)
    const together = await run(1, true)
    expect(together.answered).toBe(400)
    expect(together.sentPerAnswer).toBeLessThan(alone.sentPerAnswer)
  })

  it.each(FLEET_ROWS.filter((_, i) => i === 1 || i === 4))('$name: what there is is used up', async (row) => {
    const { share, answered } = await row.run(1, true)
    expect(answered).toBe(400)
    expect(share).toBeGreaterThanOrEqual(row.share)
  })

  it('a ceiling that is announced is not run into', async () => {
    const [, row] = FLEET_ROWS
    expect((await row?.run(1, true))?.sentPerAnswer).toBeLessThanOrEqual(row?.sent ?? 1)
  })
})

describe.skipIf(!hasRedis)('a fleet whose members are killed and stopped', () => {
  it('never has more in flight than its ceiling, but for what a stop has caught between its last look and the network', async () => {
    await using server = await startRedis()
    const { answered, failed, over, stops } = await chaos({
      redisUrl: server.url,
      namespace: `chaos-${process.pid}`,
      members: 4,
      ceiling: 5,
      calls: 600,
      leaseMs: 1000,
      latencyMs: 20,
      everyMs: 700,
      seed: 2,
      kills: true,
      stops: true,
      longestStopMs: 3000,
    })
    expect(answered).toBeGreaterThanOrEqual(600)
    expect(failed).toEqual([])
    expect(over).toBeLessThanOrEqual(stops)
  }, 120_000)
})
