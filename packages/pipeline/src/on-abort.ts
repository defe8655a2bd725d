type Listener = () => void

/** All who wait for one signal, in the order they came. Most signals have one: that needs no Set. */
interface Crowd {
  first: Listener | undefined
  others: Set<Listener> | undefined
  handleEvent(event: Event): void
}

const crowds = new WeakMap<AbortSignal, Crowd>()

/** Signals of calls that nobody can abort. */
const silent = new WeakSet<AbortSignal>()

/** This signal will never fire: nobody need listen. */
export const neverFires = (signal: AbortSignal): void => void silent.add(signal)

const nothing = (): void => undefined

function fire(this: Crowd, { currentTarget }: Event): void {
  crowds.delete(currentTarget as AbortSignal)
  this.first?.()
  for (const listener of this.others ?? []) listener()
}

const gather = (signal: AbortSignal): Crowd => {
  const crowd: Crowd = { first: undefined, others: undefined, handleEvent: fire }
  crowds.set(signal, crowd)
  signal.addEventListener('abort', crowd, { once: true })
  return crowd
}

const leave = (signal: AbortSignal, crowd: Crowd, listener: Listener): void => {
  if (crowd.first === listener) crowd.first = undefined
  else crowd.others?.delete(listener)
  if (crowd.first || crowd.others?.size || crowds.get(signal) !== crowd) return
  crowds.delete(signal)
  signal.removeEventListener('abort', crowd)
}

/**
 * Calls `listener` once, when the signal fires; not if it has fired already. Returns what takes it off again. A listener
 * is a function of its own for each time it listens, and must not throw.
 *
 * The signal itself has one listener for all: adding and taking off cost the same however many calls share it, where an
 * EventTarget searches through all that it has, and Node warns of more than ten.
 */
export const onAbort = (signal: AbortSignal, listener: Listener): (() => void) => {
  if (signal.aborted || silent.has(signal)) return nothing
  const crowd = crowds.get(signal) ?? gather(signal)
  if (crowd.first || crowd.others?.size) (crowd.others ??= new Set()).add(listener)
  else crowd.first = listener
  return () => leave(signal, crowd, listener)
}
