// What the checks talk to. Each run of a check has a path of its own, /<runtime>/<kind>/<index>, so that all may share one server.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'

const CORS = { 'access-control-allow-origin': '*', 'access-control-expose-headers': '*' }
const PREFLIGHT = {
  ...CORS,
  'access-control-allow-methods': 'OPTIONS, PUT, PATCH, DELETE, QUERY, PURGE, patch',
  'access-control-allow-headers': '*',
  'access-control-max-age': '600',
}

/** How long a check is kept waiting for something that the runtime may never do, as to send an upload before its end. */
const PATIENCE_MS = 1500

/** The boundary of a form is drawn anew each time; only where it stands matters. */
const withoutBoundary = (type, body) => {
  const boundary = /boundary="?([^";]+)/.exec(type ?? '')?.[1]
  if (boundary === undefined) return { type, body }
  const text = body.toString('latin1').replaceAll(boundary, 'BOUNDARY')
  return { type: type.replace(boundary, 'BOUNDARY'), body: Buffer.from(text, 'latin1') }
}

const framingOf = ({ 'content-length': length, 'transfer-encoding': coding }, size) => {
  if (coding !== undefined) return coding
  if (length === undefined) return 'none'
  return Number(length) === size ? 'content-length' : `content-length ${length} of ${size}`
}

const describe = (request, path, raw) => {
  const { host: _host, 'content-length': _length, 'content-type': contentType, ...headers } = request.headers
  const { type, body } = withoutBoundary(contentType, raw)
  const sha256 = createHash('sha256').update(body).digest('hex').slice(0, 16)
  const framing = framingOf(request.headers, raw.length)
  return { method: request.method, path, framing, type, bytes: body.length, sha256, headers }
}

/** Events of one run: each is waited for once, whether it has happened already or not. */
const newEvents = () => {
  const counts = new Map()
  const waiting = new Map()
  return {
    happened: (name) => {
      const resolve = waiting.get(name)?.shift()
      if (resolve) resolve(true)
      else counts.set(name, (counts.get(name) ?? 0) + 1)
    },
    next: (name) => {
      const { promise, resolve } = Promise.withResolvers()
      const count = counts.get(name) ?? 0
      if (count > 0) {
        counts.set(name, count - 1)
        resolve(true)
      } else waiting.set(name, [...(waiting.get(name) ?? []), resolve])
      return promise
    },
  }
}

const newRun = () => ({ seen: [], visits: new Map(), ...newEvents() })

const FIRST = 'data: first\n\n'
const SECOND = 'data: second\n\n'

/** Routes by the first part of the path; `rest` is what follows it, `run` what belongs to this run of a check. */
const routes = {
  echo: ({ reply, seen }) => reply(200, JSON.stringify(seen), { 'content-type': 'application/json' }),
  status: ({ reply, rest }) => {
    const empty = ['204', '304'].includes(rest[0])
    reply(Number(rest[0]), empty ? undefined : JSON.stringify({ error: { message: 'as asked' } }), {
      'content-type': 'application/json',
      'x-own': 'yes',
    })
  },
  /** Refuses the first, and answers the next. */
  flaky: ({ reply, run, path, ...rest }) => {
    const visits = (run.visits.get(path) ?? 0) + 1
    run.visits.set(path, visits)
    if (visits === 1) reply(503, 'not yet', { 'content-type': 'text/plain' })
    else routes.echo({ reply, ...rest })
  },
  redirect: ({ reply, rest, root }) =>
    reply(Number(rest[0]), undefined, { location: `${root}/${rest.slice(1).join('/')}` }),
  bytes: ({ reply, rest }) =>
    reply(200, Buffer.alloc(Number(rest[0]), 'bytes '), { 'content-type': 'application/x-probe' }),
  gzip: ({ reply }) =>
    reply(200, gzipSync('packed '.repeat(1000)), { 'content-type': 'text/plain', 'content-encoding': 'gzip' }),
  form: ({ reply }) => reply(200, 'a=1&b=%C3%A9', { 'content-type': 'application/x-www-form-urlencoded' }),
  // Two that never answer, as their events have names of their own.
  hang: () => undefined,
  stall: () => undefined,
  /** Names a time too far to be waited out by a check. */
  hold: ({ reply }) => reply(429, 'later', { 'retry-after': '30' }),
  loop: ({ reply, root }) => reply(302, undefined, { location: `${root}/loop` }),
  reset: ({ request }) => request.socket.resetAndDestroy(),
  /**
   * A chunk, and another when the check asks for it; `rest` is the type. On a connection that nobody wants to keep, it
   * closes as soon as nobody reads.
   */
  stream: async ({ response, run, rest }) => {
    response.writeHead(200, { ...CORS, 'content-type': rest.join('/'), connection: 'close' })
    response.write(FIRST)
    await run.next('release')
    response.end(SECOND)
  },
  /** Breaks off in the middle. */
  broken: async ({ response, request, run }) => {
    response.writeHead(200, { ...CORS, 'content-type': 'application/x-probe', 'content-length': '1000' })
    response.write(FIRST)
    await run.next('release')
    request.socket.resetAndDestroy()
  },
  // For the checks themselves, with the runtime's own fetch.
  wait: async ({ reply, run, rest }) => {
    const timer = Promise.withResolvers()
    const timeout = setTimeout(() => timer.resolve(false), PATIENCE_MS)
    const happened = await Promise.race([run.next(rest[0]), timer.promise])
    clearTimeout(timeout)
    reply(200, String(happened), {})
  },
  tell: ({ reply, run, rest }) => {
    run.happened(rest[0])
    reply(200, '', {})
  },
}

const PAGE = '<!doctype html><title>checks</title>'

export const startServer = async () => {
  const runs = new Map()
  const runOf = (id) => {
    if (!runs.has(id)) runs.set(id, newRun())
    return runs.get(id)
  }

  const serve = async (request, response) => {
    if (request.url === '/page') return response.writeHead(200, { 'content-type': 'text/html' }).end(PAGE)
    if (request.headers['access-control-request-method']) return response.writeHead(204, PREFLIGHT).end()

    const [, runtime, kind, index, ...parts] = request.url.split('/')
    const root = `/${runtime}/${kind}/${index}`
    const run = runOf(root)
    // What is aside is not compared.
    const aside = parts[0] === 'aside'
    const [route, ...rest] = aside ? parts.slice(1) : parts
    const path = `/${[route, ...rest].join('/')}`

    run.happened(`${route}-came`)
    response.on('close', () => run.happened(`${route}-closed`))
    request.once('data', () => run.happened(`${route}-sends`))
    request.on('error', () => undefined)
    const seen = describe(request, path, await buffer(request))
    if (!aside) run.seen.push(seen)

    const reply = (status, body, headers) => response.writeHead(status, { ...CORS, ...headers }).end(body)
    return routes[route]({ reply, request, response, run, root, rest, path, seen })
  }
  const listener = (request, response) => {
    // An upload that was broken off.
    serve(request, response).catch(() => response.destroy())
  }

  const pem = readFileSync(new URL('self-signed.pem', import.meta.url))
  const servers = [createServer(listener), createTlsServer({ key: pem, cert: pem }, listener), createServer()]
  const ports = []
  for (const server of servers) {
    // A connection that closes while a request is on its way would be a failure that no check asked for.
    server.keepAliveTimeout = 600_000
    server.requestTimeout = 0
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
    ports.push(server.address().port)
  }
  // Nobody listens there any more.
  await new Promise((resolve) => servers[2].close(resolve))

  return {
    origin: `http://127.0.0.1:${ports[0]}`,
    page: `http://localhost:${ports[0]}/page`,
    places: {
      tls: `https://127.0.0.1:${ports[1]}`,
      refused: `http://127.0.0.1:${ports[2]}`,
      unknown: 'http://nowhere.invalid',
    },
    seen: (id) => runOf(id).seen,
    close: () => {
      for (const server of servers.slice(0, 2)) {
        server.close()
        server.closeAllConnections()
      }
    },
  }
}
