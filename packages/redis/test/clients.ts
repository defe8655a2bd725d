import { Redis } from 'ioredis'
import { createClient } from 'redis'
import type { Client } from '../src/index.ts'

/** Clients of a real server, which are closed together. */
export const newClients = (urlOf: () => string) => {
  const closing: (() => unknown)[] = []

  const ioredis = (url = urlOf()): Redis => {
    const client = new Redis(url, { retryStrategy: () => 20 })
    client.on('error', () => undefined)
    closing.push(() => client.disconnect())
    return client
  }

  const nodeRedis = async (): Promise<Client> => {
    const client = createClient({ url: urlOf() })
    client.on('error', () => undefined)
    await client.connect()
    closing.push(() => client.destroy())
    return client
  }

  const kinds = [
    ['ioredis', async (): Promise<Client> => ioredis()],
    ['redis', nodeRedis],
  ] as const

  const close = (): void => {
    for (const end of closing.splice(0)) end()
  }

  return { ioredis, kinds, close }
}
