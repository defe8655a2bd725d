import { link } from '../goodput/link.ts'
import { switchOff } from '../sim/rules.ts'
import { BREAKS } from './breaks.ts'
import type { Order } from './pool.ts'

const parent = link(process)
process.once('disconnect', () => process.exit())
const { broken } = (await parent.next()) as Order
const change = BREAKS.find(({ name }) => name === broken)
if (change) switchOff(change)
// Most of what is thrown is thrown on purpose.
Error.stackTraceLimit = 0
// Only now: what is broken must not be loaded before.
const { runSeed } = await import('./check.ts')
for (;;) {
  const seed = (await parent.next()) as number
  const { calls, sent, answered, violations } = await runSeed(seed)
  parent.send({ calls, sent, answered, violations: [...violations] })
}
