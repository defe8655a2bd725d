import type { Fetch } from '@aplomb/pipeline'

/** Where calls go to: an API, a server that does not speak HTTP, and a port where nobody listens. */
export interface Targets {
  readonly api: string
  readonly raw: string
  readonly nobody: string
}

export interface CallContext {
  readonly fetch: Fetch
  readonly targets: Targets
  readonly random: () => number
  /** Lives as long as the process, as an application's does. */
  readonly signal: AbortSignal
}

/** What a call may hold as a secret, to be found nowhere else. */
export const SECRET = 'sk-live-soak-9f8e7d6c5b4a39281706f5e4d3c2b1a0'

const ANSWER_BYTES = 20_000

const read = async (response: Response): Promise<void> => void (await response.text())
const leave = async (): Promise<void> => {}
const cancel = async (response: Response): Promise<void> => response.body?.cancel()
const readOne = async (response: Response): Promise<void> => {
  const reader = response.body?.getReader()
  await reader?.read()
  await reader?.cancel()
}

/** What is done with an answer, each as often. */
const ENDINGS = [read, read, read, leave, cancel, readOne]

const KEYS = 16

const urlOf = ({ targets, random }: CallContext): string => {
  const key = `key=k${Math.floor(random() * KEYS)}`
  const kind = random()
  if (kind < 0.04) return `${targets.raw}/raw?${key}`
  if (kind < 0.08) return `${targets.nobody}/nobody?${key}`
  if (kind < 0.14) return `${targets.api}/v1/stream?chunks=5&intervalMs=30&format=sse&${key}`
  return `${targets.api}/v1/lookup/192.0.2.${Math.floor(random() * 250)}?${key}`
}

const bodyOf = (random: () => number): RequestInit => {
  const kind = random()
  if (kind < 0.7) return {}
  const text = 'x'.repeat(Math.floor(random() * ANSWER_BYTES))
  return { method: kind < 0.85 ? 'PUT' : 'POST', body: kind < 0.95 ? text : new Blob([text]).stream() }
}

/** One call, to its end: of its body, too. A third are given up at some point. */
export const call = async (context: CallContext): Promise<void> => {
  const { fetch, random, signal } = context
  const abort = new AbortController()
  const aborts = random() < 1 / 3
  const timer = aborts ? setTimeout(() => abort.abort(), random() * 600) : undefined
  const ending = ENDINGS[Math.floor(random() * ENDINGS.length)] ?? read
  try {
    const response = await fetch(urlOf(context), {
      ...bodyOf(random),
      duplex: 'half',
      headers: { authorization: `Bearer ${SECRET}` },
      // One or the other: AbortSignal.any() would hang something on the signal that lives on.
      signal: aborts ? abort.signal : signal,
    } as RequestInit)
    await ending(response)
  } finally {
    clearTimeout(timer)
  }
}
