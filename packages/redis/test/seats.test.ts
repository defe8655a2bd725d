import type { Call } from '@aplomb/pipeline'
import { expect, it } from 'vitest'
import type { Request as Told } from '../src/messages.ts'
import { newSeats } from '../src/seats.ts'

const request = { method: 'GET', url: 'https://api.test/v1/a', headers: new Headers() }
const call = {
  id: 'a',
  key: 'https://api.test',
  signal: new AbortController().signal,
  canAbort: false,
  attempt: 0,
  urgency: 3,
  counted: 0,
  canReplay: true,
  weighs: () => undefined,
  waited: () => undefined,
  mayWaitMs: () => Infinity,
} as unknown as Call

const turn = async (): Promise<void> => {
  for (let i = 0; i < 10; i++) await Promise.resolve()
}

it('a turn that came too late is asked for again: what was heard since may hold it', async () => {
  const told: Told[] = []
  let valid = false
  let sent = 0
  const seats = newSeats({
    key: call.key,
    doorway: { pass: () => Promise.reject(new Error('unused')), constraints: () => [] },
    post: (message) => void told.push(message),
    idleMs: 1000,
    maySend: () => valid,
    mayKeep: () => false,
    ceiling: () => undefined,
    heard: () => undefined,
  })
  const passing = seats.pass(request, call, async () => {
    sent++
    return new Response('{}')
  })
  seats.receive({ to: 'member', type: 'go', n: 1, asked: 1, waits: [], stintMs: 0 })
  await turn()
  valid = true
  seats.renewed()
  await turn()
  expect(sent).toBe(0)
  expect(told.map(({ type }) => type)).toEqual(['ask', 'gone', 'ask'])
  seats.receive({ to: 'member', type: 'go', n: 1, asked: 2, waits: [], stintMs: 0 })
  expect((await passing).status).toBe(200)
  expect(sent).toBe(1)
})

it('a slot is used no more once an answer was none of use: whoever leads hears of it later', async () => {
  const told: Told[] = []
  const seats = newSeats({
    key: call.key,
    doorway: { pass: () => Promise.reject(new Error('unused')), constraints: () => [] },
    post: (message) => void told.push(message),
    idleMs: 1000,
    maySend: () => true,
    mayKeep: () => true,
    ceiling: () => undefined,
    heard: () => undefined,
  })
  for (const n of [-1, -2]) seats.receive({ to: 'member', type: 'slot', n })
  const sent: string[] = []
  const begin = (name: string, status: number): void =>
    void seats.pass(request, { ...call, id: name }, async () => {
      sent.push(name)
      return new Response('{}', { status })
    })
  begin('served', 200)
  await turn()
  begin('refused', 429)
  await turn()
  begin('next', 200)
  await turn()
  expect(sent).toEqual(['served', 'refused'])
  expect(told.filter(({ type }) => type === 'back' || type === 'ask').map(({ type }) => type)).toEqual([
    'back',
    'back',
    'ask',
  ])
})
