import type { Fetch } from '../../src/index.ts'

/** An inner fetch that answers with these statuses, one after the other, and writes down what it got. */
export const answering = (...statuses: number[]): { readonly fetch: Fetch; readonly requests: Request[] } => {
  const requests: Request[] = []
  const fetch: Fetch = async (input, init) => {
    const status = statuses[Math.min(requests.length, statuses.length - 1)] ?? 200
    requests.push(new Request(input, init))
    return new Response(`answer ${requests.length}`, { status })
  }
  const options: { readonly fetch: Fetch } = { fetch }
  // Beside the options that createFetch takes as they are.
  return Object.defineProperty(options as ReturnType<typeof answering>, 'requests', { value: requests })
}
