/** What is needed of an `ioredis` client, or of its `Cluster`. */
export interface IoRedis {
  call(command: string, ...args: string[]): Promise<unknown>
  duplicate(...args: never[]): IoRedisSubscriber
  defineCommand: unknown
  // oxlint-disable-next-line typescript/no-explicit-any -- as the client declares it
  on(event: string, listener: (...args: any[]) => void): unknown
}

interface IoRedisSubscriber {
  // oxlint-disable-next-line typescript/no-explicit-any -- as the client declares it
  on(event: string, listener: (...args: any[]) => void): unknown
  subscribe(channel: string): Promise<unknown>
  disconnect(): void
}

/** What is needed of a `redis` (node-redis) client. */
export interface NodeRedis {
  sendCommand(args: readonly string[]): Promise<unknown>
  duplicate(): NodeRedisSubscriber
  // oxlint-disable-next-line typescript/no-explicit-any -- as the client declares it
  on(event: string, listener: (...args: any[]) => void): unknown
}

interface NodeRedisSubscriber {
  // oxlint-disable-next-line typescript/no-explicit-any -- as the client declares it
  on(event: string, listener: (...args: any[]) => void): unknown
  connect(): Promise<unknown>
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  destroy(): void
}

export type Client = IoRedis | NodeRedis

/** What an engine needs of a client, whichever it is. */
export interface Commands {
  command(name: string, ...args: string[]): Promise<unknown>
  /** Calls back each time it is connected, as far as it says so. */
  ready(listener: () => void): void
  /** On a connection of its own. */
  subscribe(channel: string, listener: (message: string) => void): () => void
}

const nothing = (): void => undefined

const ofIoRedis = (client: IoRedis): Commands => ({
  command: (name, ...args) => client.call(name, ...args),
  ready: (listener) => void client.on('ready', listener),
  subscribe: (channel, listener) => {
    const subscriber = client.duplicate()
    // It connects again by itself; without it, members look.
    subscriber.on('error', nothing)
    subscriber.on('message', (_channel: string, message: string) => listener(message))
    subscriber.subscribe(channel).catch(nothing)
    return () => subscriber.disconnect()
  },
})

const ofNodeRedis = (client: NodeRedis): Commands => ({
  command: (...args) => client.sendCommand(args),
  ready: (listener) => void client.on('ready', listener),
  subscribe: (channel, listener) => {
    const subscriber = client.duplicate()
    subscriber.on('error', nothing)
    const begin = async (): Promise<void> => {
      await subscriber.connect()
      await subscriber.subscribe(channel, listener)
    }
    begin().catch(nothing)
    return () => subscriber.destroy()
  },
})

export const commandsOf = (client: Client): Commands =>
  'defineCommand' in client ? ofIoRedis(client) : ofNodeRedis(client)
