import type { Fetch } from '@aplomb/pipeline'

/** One answer: a status, a Response, or what makes one. */
export type Answer = number | Response | Error | ((request: Request) => Response | Promise<Response>)

interface Served {
  readonly method: string
  readonly url: string
  readonly headers: Record<string, string>
  readonly body: string
}

export type Server = Fetch & { readonly served: Served[] }

const json = (status: number): Response =>
  new Response(status === 204 ? null : JSON.stringify({ status }), {
    status,
    headers: { 'content-type': 'application/json' },
  })

/** Answers by the script, then with 200. An abort ends a request as in `fetch`. */
export const serverOf = (...script: readonly Answer[]): Server => {
  const left = [...script]
  const served: Served[] = []
  const fetch: Fetch = async (input, init) => {
    const request = new Request(input, init)
    request.signal.throwIfAborted()
    const { method, url } = request
    const headers = Object.fromEntries(request.headers)
    // Its boundary is drawn anew each time.
    if (headers['content-type']?.startsWith('multipart/')) headers['content-type'] = 'multipart'
    const body = (await request.clone().text()).replaceAll(/-{4,}formdata-\S+/g, 'boundary')
    served.push({ method, url, headers, body })
    const answer = left.shift() ?? 200
    if (typeof answer === 'number') return json(answer)
    if (answer instanceof Error) throw answer
    if (answer instanceof Response) return answer
    return new Promise((resolve, reject) => {
      request.signal.addEventListener('abort', () => reject(request.signal.reason), { once: true })
      Promise.resolve(answer(request)).then(resolve, reject)
    })
  }
  return Object.assign(fetch, { served })
}

export const never = (): Promise<Response> => new Promise(() => undefined)
