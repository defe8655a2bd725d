import { link } from '../goodput/link.ts'
import type { Job } from './pool.ts'
import { ROWS } from './rows.ts'

const parent = link(process)
for (;;) {
  const { row: name, seed } = (await parent.next()) as Job
  const row = ROWS.find((one) => one.name === name)
  if (row === undefined) throw new Error(`there is no row ${name}`)
  parent.send(await row.run(seed))
}
