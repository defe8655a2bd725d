import { AsyncLocalStorage } from 'node:async_hooks'

/** A process of its own, as far as code can tell: with a wall clock, and an end. */
export interface Member {
  readonly name: string
  /** How far its wall clock is ahead. */
  skewMs: number
  /** Until then, by `performance.now()`, its timers stand still, and nothing arrives. */
  pausedUntil: number
  killed: boolean
  readonly died: Promise<void>
  kill(): void
}

export const newMember = (name: string, skewMs: number): Member => {
  const { promise: died, resolve } = Promise.withResolvers<void>()
  const member: Member = {
    name,
    skewMs,
    pausedUntil: 0,
    killed: false,
    died,
    kill: () => {
      member.killed = true
      resolve()
    },
  }
  return member
}

const current = new AsyncLocalStorage<Member | undefined>()

/** Runs as that process; nobody's without one. */
export const inside = <T>(member: Member | undefined, run: () => T): T => current.run(member, run)

const pausedMs = ({ pausedUntil }: Member): number => Math.max(0, Math.ceil(pausedUntil - performance.now()))

/** When the process goes on; never once it was killed. */
export const awake = async (member: Member): Promise<void> => {
  for (;;) {
    if (member.killed) await new Promise<never>(() => undefined)
    const ms = pausedMs(member)
    if (ms === 0) return
    await new Promise((resolve) => setTimeout(resolve, ms))
  }
}

/** Gives each process timers that stop with it, and a wall clock of its own. Ends with the fake clock that is installed. */
export const separate = (): { readonly timersOf: (member: Member) => number } => {
  const { setTimeout, clearTimeout, Date } = globalThis
  /** Where it stood still, the timer that goes on in its place. */
  const pending = new Map<unknown, { readonly member: Member; moved?: ReturnType<typeof setTimeout> }>()
  const later = (run: (...args: unknown[]) => void, ms?: number, ...args: unknown[]): ReturnType<typeof setTimeout> => {
    const member = current.getStore()
    if (member === undefined) return setTimeout(run, ms, ...args)
    const fire = (): void => {
      const leftMs = pausedMs(member)
      if (leftMs > 0) {
        pending.set(timer, { member, moved: setTimeout(fire, leftMs) })
        return
      }
      pending.delete(timer)
      if (!member.killed) run(...args)
    }
    const timer = setTimeout(fire, ms)
    pending.set(timer, { member })
    return timer
  }
  globalThis.setTimeout = later as typeof setTimeout
  globalThis.clearTimeout = (timer) => {
    clearTimeout(timer)
    clearTimeout(pending.get(timer)?.moved)
    pending.delete(timer)
  }
  const now = Date.now.bind(Date)
  Date.now = () => now() + (current.getStore()?.skewMs ?? 0)
  return { timersOf: (of) => Array.from(pending.values()).filter(({ member }) => member === of).length }
}
