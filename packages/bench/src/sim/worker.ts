import { link } from '../goodput/link.ts'
import type { Job, Order } from './pool.ts'
import { switchOff } from './rules.ts'

const parent = link(process)
const { without } = (await parent.next()) as Order
if (without) switchOff(without)
// Only now: what is switched off must not be loaded before.
const { ROWS } = await import('./rows.ts')
for (;;) {
  const { row: name, seed } = (await parent.next()) as Job
  const row = ROWS.find((one) => one.name === name)
  if (row === undefined) throw new Error(`there is no row ${name}`)
  parent.send(await row.run(seed))
}
