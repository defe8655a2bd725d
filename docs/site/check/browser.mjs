// The built site behind a server on loopback, and Chromium to look at it with.
import { mkdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { launch } from '../../../tests/runtimes/launch/chromium.mjs'
import { root } from '../assemble.mjs'

export const dist = fileURLToPath(new URL('../dist', import.meta.url))
export const pictures = join(root, '.report/site')
mkdirSync(pictures, { recursive: true })

/** What is found wrong: told at once, and counted. */
export const problems = { count: 0 }
export const note = (problem) => {
  problems.count++
  console.log(problem)
}

/** No part of a page takes longer. */
export const LONGEST_MS = 60_000

const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
}

const read = (path) => {
  for (const file of [path, `${path}.html`, join(path, 'index.html')])
    try {
      return { type: TYPES[extname(file)], body: readFileSync(join(dist, file)) }
    } catch {
      // The next one, then.
    }
  return undefined
}

/** What has been asked for, compressed. */
export const traffic = { bytes: 0 }

const server = createServer(({ url }, response) => {
  const { type = 'application/octet-stream', body } =
    read(decodeURIComponent(new URL(url, 'http://site').pathname)) ?? {}
  if (body) traffic.bytes += gzipSync(body).length
  response.writeHead(body ? 200 : 404, { 'content-type': type }).end(body)
})
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
export const site = `http://127.0.0.1:${server.address().port}`

export const browser = await launch()

/** A page whose every word is heard: `where` says which one it is. */
export const open = async (width, colorScheme = 'light') => {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme, locale: 'en-US' })
  const page = await context.newPage()
  const state = { page, where: '', close: () => context.close() }
  page.on('console', (message) => message.type() === 'error' && note(`${state.where}: ${message.text()}`))
  page.on('pageerror', (error) => note(`${state.where}: ${error}`))
  page.on('request', (request) => {
    if (!request.url().startsWith(site) && !/^(?:data|blob):/.test(request.url()))
      note(`${state.where} asks ${request.url()}`)
  })
  return state
}

export const openAt = async (path, width) => {
  const opened = await open(width)
  opened.where = `${path} (${width})`
  await opened.page.goto(site + path, { waitUntil: 'networkidle' })
  return opened
}

export const close = async () => {
  await browser.close()
  server.close()
}
