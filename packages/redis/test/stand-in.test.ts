import { expect, it, vi } from 'vitest'
import { NOBODYS } from '../src/messages.ts'
import { newStandIn } from '../src/stand-in.ts'

it('a stand-in that is given up as its turn comes is not sent: nobody would tell that it has ended', async () => {
  const go = vi.fn<() => void>()
  const facts = { ...NOBODYS, attempt: 0, counted: 0 }
  const one = newStandIn('https://api.test', { owner: 'a', n: 1 }, facts, { go, emit: () => undefined })
  const reason = new Error('taken')
  one.abort(reason)
  await expect(one.send(false)).rejects.toBe(reason)
  expect(go).not.toHaveBeenCalled()
  expect(one.call.attempt).toBe(0)
})
