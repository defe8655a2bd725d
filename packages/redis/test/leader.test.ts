import type { Call } from '@aplomb/pipeline'
import { expect, it } from 'vitest'
import { newLeader } from '../src/leader.ts'
import { type Facts, NOBODYS, type Reaction, type ToldVerdict } from '../src/messages.ts'
import type { StandIn } from '../src/stand-in.ts'

const turn = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

it('a call that has failed, and asks again in the same mail, is let through', async () => {
  const told: Reaction[] = []
  const leader = newLeader({
    key: 'https://api.test',
    me: 'leader',
    doorway: { pass: (_request, _call, next) => next(), constraints: () => [] },
    standIns: new WeakMap<Call, StandIn>(),
    post: (_, reaction) => void told.push(reaction),
    heard: () => undefined,
  })
  const facts = (asked: number, attempt: number): Facts => ({ ...NOBODYS, asked, attempt, counted: attempt })
  const verdict = { kind: 'network', action: 'retry', evidence: 'reset' } as ToldVerdict
  leader.receive('member', { to: 'leader', type: 'ask', n: 1, facts: facts(1, 0) })
  leader.receive('member', { to: 'leader', type: 'failed', n: 1, verdict, gaveUp: undefined })
  leader.receive('member', { to: 'leader', type: 'ask', n: 1, facts: facts(2, 1) })
  await turn()
  expect(told).toMatchObject([
    { type: 'go', asked: 1 },
    { type: 'go', asked: 2 },
  ])
  expect(leader.busy).toBe(true)
})
