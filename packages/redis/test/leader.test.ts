import { type Call, clock, newVerdict } from '@aplomb/pipeline'
import { expect, it, vi } from 'vitest'
import { datesOf } from '../../pipeline/src/origin.ts'
import { newLeader } from '../src/leader.ts'
import { type Facts, NOBODYS, type Reaction, type ToldVerdict, toldVerdict } from '../src/messages.ts'
import type { StandIn } from '../src/stand-in.ts'

const turn = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

it('what it is told of later was sent, and heard, before that', async () => {
  const passed: unknown[] = []
  const answers: Promise<Response>[] = []
  const leader = newLeader({
    key: 'https://api.test',
    me: 'leader',
    doorway: {
      pass: (_request, _call, next, sentAt) => {
        passed.push(sentAt)
        const answer = next()
        answers.push(answer)
        return answer
      },
      constraints: () => [],
    },
    standIns: new WeakMap<Call, StandIn>(),
    post: () => undefined,
    heard: () => undefined,
  })
  vi.useFakeTimers()
  const verdict = toldVerdict(newVerdict({ kind: 'ok', receivedAt: 0, evidence: '' }))
  const rest = { key: undefined, whole: true, lasts: false, type: undefined, weight: undefined }
  const answer = { ...rest, verdict, canReplay: true, gaveUp: undefined, tookMs: 30, agoMs: 200 }
  leader.receive('member', { to: 'leader', type: 'done', facts: NOBODYS, answer })
  // It took as long as it did.
  expect(passed).toEqual([clock() - 30])
  const dates = datesOf((await answers[0]) as Response)
  expect(dates).toMatchObject({ sentAt: clock() - 230, heardAt: clock() - 200 })
  vi.useRealTimers()
})

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
