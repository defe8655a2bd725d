import { Redis } from 'ioredis'
import { commandsOf } from '../src/clients.ts'
import { creditsOf } from '../src/credits.ts'

const [url = '', namespace = ''] = process.argv.slice(2)
const credits = creditsOf(commandsOf(new Redis(url)), namespace)
const tell = (message: string): Promise<void> =>
  new Promise((resolve) => process.send?.(message, undefined, undefined, () => resolve()))
process.once('disconnect', () => process.exit())
for (;;) {
  await tell('begins')
  await credits.add('a', 1, 3_600_000)
  await tell('counted')
}
