import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { turn } from './outcome.ts'

setFlagsFromString('--expose-gc')
const run = runInNewContext('gc') as () => void

/** Collects what cannot be reached, and lets the finalizers run. */
export const collect = async (): Promise<void> => {
  for (let i = 0; i < 3; i++) {
    await turn()
    run()
  }
  await turn()
}
