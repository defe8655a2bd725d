import cliProgress from 'cli-progress'
import type { ClientName } from './clients.ts'
import { serverErrors, tooMany } from './figures.ts'
import type { Progress } from './run.ts'

export interface Bar {
  readonly update: (progress: Progress) => void
  readonly stop: () => void
}

/** A bar on stderr that follows one run; without a terminal, a line every few seconds. */
export const startBar = (client: ClientName, lookups: number): Bar => {
  const bar = new cliProgress.SingleBar(
    {
      format: `${client.padEnd(7)}{bar} {value}/{total}  {seconds} s  429: {tooMany}  5xx: {serverErrors}  {doing}`,
      barsize: 20,
      hideCursor: true,
      noTTYOutput: true,
      notTTYSchedule: 5000,
      gracefulExit: false,
    },
    cliProgress.Presets.shades_classic,
  )
  const began = performance.now()
  const seconds = () => ((performance.now() - began) / 1000).toFixed(1)
  bar.start(lookups, 0, { seconds: seconds(), tooMany: 0, serverErrors: 0, doing: '' })
  return {
    update: ({ done, server, doing }) =>
      bar.update(done, {
        seconds: seconds(),
        tooMany: tooMany(server),
        serverErrors: serverErrors(server),
        doing,
      }),
    stop: () => bar.stop(),
  }
}
