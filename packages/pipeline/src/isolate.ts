/**
 * Cloudflare Workers: requests of one isolate share this module, but not their timers. One with nothing pending of its own is
 * taken to hang, and is cancelled; what it had begun never ends, and its timers never fire.
 */
export const isSharedIsolate = (): boolean => {
  // Its Node shims and test runners tell the same of themselves.
  const { navigator } = globalThis as { readonly navigator?: { readonly userAgent?: string } }
  return navigator?.userAgent === 'Cloudflare-Workers'
}

/** How often whoever waits there looks by itself, in milliseconds: whoever was to wake it may be gone. */
export const LOOK_MS = 1000

/** What is in flight for so long there is taken for lost, in milliseconds: a slot that never comes free would stop all others. */
export const LOST_MS = 30_000
