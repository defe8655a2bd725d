import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { type Exchange, serve, type Server } from '../../../pipeline/test/support/server.ts'

/** What the API says in every body that has an end. */
export const MESSAGE = 'The field "ip" is wrong.'

const told = (rest: string): string => JSON.stringify({ message: MESSAGE, rest })

/** Each longer than what is read to classify an answer, but for the short and the slow one. */
export const TEXTS = {
  short: told(''),
  large: told(randomBytes(2.5 * 2 ** 20).toString('hex')),
  zipped: told(randomBytes(2 ** 17).toString('hex')),
  slow: told('x'.repeat(1000)),
  cut: told('x'.repeat(200_000)),
} as const

/** The beginning of a body without end. */
export const endless = (chars: number): string => {
  let text = ''
  for (let i = 0; text.length < chars; i++) text += line(i)
  return text.slice(0, chars)
}

const line = (i: number): string => `${i}`.padEnd(1023, '.').concat('\n')

/** As much as the client takes, or a line now and then. */
const goOn = (response: ServerResponse, everyMs: number | undefined): void => {
  let i = 0
  if (everyMs !== undefined) {
    const timer = setInterval(() => response.write(line(i++)), everyMs)
    response.once('close', () => clearInterval(timer))
    return
  }
  const fill = (): void => {
    while (!response.destroyed && response.write(line(i++)));
  }
  response.on('drain', fill)
  fill()
}

/** Ten pieces, one every 50 ms. */
const drip = (response: ServerResponse, text: string): void => {
  const size = Math.ceil(text.length / 10)
  let at = 0
  const timer = setInterval(() => {
    response.write(text.slice(at, (at += size)))
    if (at < text.length) return
    clearInterval(timer)
    response.end()
  }, 50)
}

export interface ErrorServer extends Server {
  /** Goes on with the answers that stopped midway: breaks those to `/cut`, completes those to `/held`. */
  proceed(): void
}

/** Answers `/<status>/<body>`, from the second time on with 200 where `?once` is added. */
export const serveErrors = async (): Promise<ErrorServer> => {
  const served = new Set<string>()
  const stopped: (() => void)[] = []

  const server = await serve(({ request, response }: Exchange) => {
    const url = new URL(request.url ?? '', 'http://localhost')
    const [, status, body] = url.pathname.split('/')
    if (url.searchParams.has('once') && served.has(url.href)) {
      response.end('served')
      return
    }
    served.add(url.href)
    const type = body === 'events' ? 'text/event-stream' : 'application/json'
    const head = (headers = {}): ServerResponse =>
      response.writeHead(Number(status), { 'content-type': type, ...headers })
    switch (String(body)) {
      case 'slow':
        drip(head(), TEXTS.slow)
        return
      case 'trickle':
        goOn(head(), 20)
        return
      case 'flood':
      case 'events':
        goOn(head(), undefined)
        return
      case 'zipped':
        head({ 'content-encoding': 'gzip' }).end(gzipSync(TEXTS.zipped))
        return
      case 'cut':
        head({ 'content-length': TEXTS.cut.length + 1 }).write(TEXTS.cut)
        stopped.push(() => request.socket.destroy())
        return
      case 'held':
        head().write(TEXTS.slow.slice(0, 500))
        stopped.push(() => response.end(TEXTS.slow.slice(500)))
        return
      case 'cut-at-once':
        head({ 'content-length': TEXTS.short.length + 1 }).write(TEXTS.short, () => request.socket.destroy())
        return
      default:
        head().end(body === 'large' ? TEXTS.large : TEXTS.short)
    }
  })
  return Object.assign(server, { proceed: () => stopped.splice(0).forEach((one) => one()) })
}
