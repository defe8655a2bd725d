import type { ClientName, Progress, Result, Settings } from './run.ts'

export interface Order {
  readonly settings: Settings
  readonly clients: readonly ClientName[]
}

export type Message =
  | { readonly client: number; readonly progress: Progress }
  | { readonly client: number; readonly result: Result }
  | { readonly error: string }

const post = (message: Message): void => postMessage(message)

/** A browser's timers of 0 ms take 4; the simulated clock asks for one at each step. */
const quickly = (): void => {
  const { port1, port2 } = new MessageChannel()
  const waiting: (() => void)[] = []
  port1.addEventListener('message', () => waiting.shift()?.())
  port1.start()
  const setImmediate = (run: (...args: readonly unknown[]) => void, ...args: readonly unknown[]): number => {
    waiting.push(() => run(...args))
    port2.postMessage(undefined)
    return 0
  }
  Object.assign(globalThis, { setImmediate, clearImmediate: () => {} })
}

quickly()
const watch = globalThis.performance.now.bind(globalThis.performance)
/** After that: they look for the timers that there are. Before the first order: it takes a while. */
const packages = import('./run.ts')

/** How often the page hears of it: a simulated second takes some milliseconds. */
const EVERY_MS = 50

const work = async ({ settings, clients }: Order): Promise<void> => {
  const { run } = await packages
  for (const [client, name] of clients.entries()) {
    let told = 0
    const onProgress = (progress: Progress): void => {
      if (watch() - told < EVERY_MS) return
      told = watch()
      post({ client, progress })
    }
    post({ client, result: await run(settings, name, onProgress) })
  }
}

addEventListener('message', ({ data }: MessageEvent<Order>) => {
  work(data).catch((error: unknown) => post({ error: String(error) }))
})
