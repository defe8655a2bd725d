import { setTimeout as wait } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const run = runInNewContext('gc') as () => void

/** Collects what cannot be reached, and lets the finalizers run: they come when the runtime has time, and free more. */
export const collect = async (): Promise<void> => {
  for (let i = 0; i < 4; i++) {
    await wait(10)
    run()
  }
  await wait(10)
}
