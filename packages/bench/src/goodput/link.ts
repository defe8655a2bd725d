import type { ChildProcess, Serializable } from 'node:child_process'

/** Either end of the channel between a process and its child. */
export interface Link {
  readonly send: (message: Serializable) => void
  /** The next message; rejects when the other process has gone. */
  readonly next: () => Promise<unknown>
}

/** A conversation in turns: what one end sends, the other awaits. */
export const link = (end: ChildProcess | NodeJS.Process): Link => {
  const inbox: unknown[] = []
  let gone = false
  let wake: (() => void) | undefined
  end.on('message', (message: unknown) => {
    inbox.push(message)
    wake?.()
  })
  end.on('disconnect', () => {
    gone = true
    wake?.()
  })
  return {
    send: (message) => void end.send?.(message),
    next: async () => {
      if (inbox.length === 0 && !gone) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      if (inbox.length === 0) throw new Error('the other process has gone')
      return inbox.shift()
    },
  }
}
