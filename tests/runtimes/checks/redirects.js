import { outcomeOf } from './support.js'

const STATUSES = [301, 302, 303, 307, 308]

const entries = ['follow', 'manual', 'error'].flatMap((redirect) =>
  ['GET', 'POST'].map((method) => [
    `redirect ${redirect}: ${method}`,
    async ({ make, base }) => {
      const body = method === 'POST' ? 'as it was' : undefined
      const outcomes = []
      for (const status of STATUSES) {
        const url = `${base}/redirect/${status}/echo/there`
        outcomes.push(await outcomeOf(() => make()(url, { method, body, redirect }), base))
        outcomes.push(await outcomeOf(() => make()(new Request(url, { method, body, redirect })), base))
      }
      return outcomes
    },
  ]),
)

export const redirects = {
  ...Object.fromEntries(entries),
  'redirect follow: a loop': ({ fetch, base }) => outcomeOf(() => fetch(`${base}/loop`), base),
  'redirect follow: twice': ({ fetch, base }) => outcomeOf(() => fetch(`${base}/redirect/302/redirect/307/echo`), base),
  'redirect follow: a stream': ({ fetch, base }) => {
    const body = new Blob(['once']).stream()
    return outcomeOf(() => fetch(`${base}/redirect/307/echo`, { method: 'POST', body, duplex: 'half' }), base)
  },
}
