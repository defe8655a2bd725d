// Looks at the built site in headless Chromium: each preset of the lab ends with the numbers that it has in Node, within its budgets;
// an answer is explained as the command does; nothing is fetched from elsewhere, no error is on the console, axe finds nothing, and
// no page is wider than a phone. Pictures go to .report/site.
//     node docs/site/check.mjs
import axe from 'axe-core'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { launch } from '../../tests/runtimes/launch/chromium.mjs'
import { root } from './assemble.mjs'
import { read as explained } from './explain/read.ts'
import { PRESETS } from './lab/presets.ts'
import { run } from './lab/run.ts'

const dist = fileURLToPath(new URL('dist', import.meta.url))
const pictures = join(root, '.report/site')
const PAGES = [
  '/',
  '/guide/start',
  '/guide/rate-limits',
  '/guide/sdks',
  '/guide/congestion-control',
  '/guide/apis',
  '/guide/decisions',
  '/recipes/github',
  '/packages/aplomb',
  '/api/',
  '/lab',
  '/explain',
]
const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
}
const WIDTHS = [1440, 390]
const SCHEMES = ['light', 'dark']
/** VitePress's own: buttons in the entries of its sidebar, a label of its search that is not its text, a title outside of what is main. */
const OF_THE_THEME = ['.VPSidebarItem > .item', '.DocSearch-Button', '.VPHero', '.VPFeatures']
const LONGEST_MS = 60_000

const read = (path) => {
  for (const file of [path, `${path}.html`, join(path, 'index.html')])
    try {
      return { type: TYPES[extname(file)], body: readFileSync(join(dist, file)) }
    } catch {
      // The next one, then.
    }
  return undefined
}

/** What has been asked for, compressed; without pages that may be visited next. */
let bytes = 0
const server = createServer(({ url, headers }, response) => {
  const { type = 'application/octet-stream', body } =
    read(decodeURIComponent(new URL(url, 'http://site').pathname)) ?? {}
  if (body && headers['sec-purpose'] !== 'prefetch') bytes += gzipSync(body).length
  response.writeHead(body ? 200 : 404, { 'content-type': type }).end(body)
})
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const site = `http://127.0.0.1:${server.address().port}`

const problems = []
const browser = await launch()

/** A page whose every word is heard. */
const open = async (path, width, colorScheme) => {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme, locale: 'en-US' })
  const page = await context.newPage()
  const where = `${path} (${width}, ${colorScheme})`
  page.on('console', (message) => message.type() === 'error' && problems.push(`${where}: ${message.text()}`))
  page.on('pageerror', (error) => problems.push(`${where}: ${error}`))
  page.on('request', (request) => {
    if (!request.url().startsWith(site) && !/^(?:data|blob):/.test(request.url()))
      problems.push(`${where} asks ${request.url()}`)
  })
  await page.goto(site + path, { waitUntil: 'networkidle' })
  return { page, where, close: () => context.close() }
}

const look = async (path, width, scheme) => {
  const { page, where, close } = await open(path, width, scheme)
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
  if (over > 0) problems.push(`${where} is ${over} px too wide`)
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate(
    (exclude) => globalThis.axe.run({ exclude }, { resultTypes: ['violations'] }),
    OF_THE_THEME,
  )
  for (const { id, help, nodes } of violations)
    problems.push(`${where}: ${id}, ${help}: ${nodes[0]?.html.slice(0, 120)}`)
  await page.screenshot({
    path: join(pictures, `${path.slice(1).replaceAll('/', '-') || 'index'}-${width}-${scheme}.png`),
    fullPage: true,
  })
  await close()
}

/** What the lab shows of a client, when it has ended. */
const shownOf = async (page) => {
  await page.waitForFunction(() => document.querySelector('.lab')?.dataset.ended === 'true', undefined, {
    timeout: LONGEST_MS,
  })
  return page
    .locator('.lab section dl')
    .evaluateAll((lists) =>
      lists.map((list) => [...list.querySelectorAll('dd')].slice(0, 3).map((one) => one.textContent)),
    )
}

const tryPreset = async (name) => {
  const { settings, clients } = PRESETS[name]
  const { page, where, close } = await open(`/lab#preset=${name}`, 1440, 'light')
  const shown = await shownOf(page)
  for (const [i, client] of clients.entries()) {
    const { answered, sent, seconds } = await run(settings, client)
    const wanted = [`${answered} of ${settings.calls}`, String(sent), seconds.toFixed(1)]
    if (JSON.stringify(shown[i]) !== JSON.stringify(wanted))
      problems.push(`${where}, ${client}: shows ${shown[i]?.join(', ')}, is ${wanted.join(', ')}`)
  }
  await page.screenshot({ path: join(pictures, `lab-${name}.png`), fullPage: true })
  await close()
}

const isEqual = (where, shown, wanted) => {
  if (shown !== wanted) problems.push(`${where}: shows ${shown}, is ${wanted}`)
}

const words = (text) => text.replaceAll(/\s+/g, ' ').trim()

/** What the page says of saved answers is what the command says; so it is behind a link, which holds no secret. */
const tryExplain = async () => {
  const { page, where, close } = await open('/explain', 1440, 'light')
  const answer = page.locator('#answer')
  const report = page.locator('.explain pre')
  const shows = (text) =>
    page.waitForFunction(
      (wanted) => document.querySelector('.explain pre')?.textContent.replaceAll(/\s+/g, ' ').trim() === wanted,
      words(text),
      { timeout: LONGEST_MS },
    )
  const folder = join(root, 'packages/aplomb/test/fixtures/answers')
  for (const name of readdirSync(folder)) {
    const text = readFileSync(join(folder, name), 'utf8')
    await answer.fill(text)
    await shows((await explained({ text })).report).catch(() => problems.push(`${where}: ${name} is read otherwise`))
  }

  const secret = ['sk', 'live', '4eC39HqLyjWDarjtT1zdp7dc'].join('_')
  const text = `HTTP/2 401\ncontent-type: application/json\n\n{"message":"Invalid API key: ${secret}"}`
  await answer.fill(text)
  await page.locator('.explain select').selectOption('POST')
  await shows((await explained({ text, method: 'POST' })).report)
  await page.getByRole('button', { name: 'Copy a link' }).click()
  await page.waitForFunction(() => location.hash.startsWith('#answer='), undefined, { timeout: LONGEST_MS })
  const { hash } = new URL(page.url())
  if (decodeURIComponent(hash).includes(secret)) problems.push(`${where}: its link holds a secret`)
  const kind = await page.locator('.explain .kind').textContent()
  const linked = await open(`/explain${hash}`, 390, 'light')
  isEqual(linked.where, await linked.page.locator('.explain .kind').textContent(), kind)
  isEqual(
    linked.where,
    (await linked.page.locator('.explain pre').textContent()).split('\n')[0],
    '401 unauthenticated  POST',
  )
  await linked.close()

  const har = JSON.stringify({ log: { entries: [recorded(429), recorded(200), recorded(404)] } })
  await page.locator('input[type=file]').setInputFiles({ name: 'a.har', mimeType: '', buffer: Buffer.from(har) })
  await shows((await explained({ text: har })).report)
  await page.locator('.explain input[type=number]').fill('2')
  await shows((await explained({ text: har, entry: 2 })).report)
  await answer.fill('no answer at all')
  await page.locator('.explain [role=alert]').waitFor({ timeout: LONGEST_MS })
  isEqual(where, await report.count(), 0)
  await close()
}

const recorded = (status) => ({
  startedDateTime: '2026-01-15T12:00:00Z',
  time: 1,
  request: { method: 'GET', url: 'https://api.test/v1/items', headers: [] },
  response: { status, statusText: '', headers: [], content: { text: '' } },
})

/** 60 simulated seconds of 500 callers. */
const BUSY = {
  api: { windows: [{ limit: 8, windowMs: 1000 }], latencyMs: [50, 150] },
  calls: 500,
  overMs: 0,
  processes: 1,
  seed: 1,
  clients: ['aplomb', 'naive'],
}

/** What the lab may take, in milliseconds and bytes. The first two are with a CPU of a quarter of the speed. */
const BUDGETS = { paintMs: 1000, interactiveMs: 2000, bytes: 300_000, busyMs: 3000, longestTaskMs: 200 }
/** The page can do it, if it does it once: a busy machine is no fault of its own. */
const TRIES = 5

/** Notes, in the page, when there is something to press, when the first client has ended, and what kept the page from drawing. */
const observe = () => {
  const seen = { tasks: [] }
  globalThis.seen = seen
  new PerformanceObserver((list) => seen.tasks.push(...list.getEntries())).observe({ type: 'longtask', buffered: true })
  const note = () => {
    if (document.querySelector('.lab button')) seen.interactiveMs ??= performance.now()
    if (document.querySelector('.lab section dd')?.textContent === '500 of 500') seen.endedMs ??= performance.now()
  }
  new MutationObserver(note).observe(document, { subtree: true, childList: true, characterData: true })
}

const measure = async (hash, slower) => {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-US' })
  const page = await context.newPage()
  const devtools = await context.newCDPSession(page)
  await devtools.send('Emulation.setCPUThrottlingRate', { rate: slower })
  bytes = 0
  await page.addInitScript(observe)
  await page.goto(`${site}/lab${hash}`)
  const ended = slower === 1 ? () => globalThis.seen.endedMs : () => globalThis.seen.interactiveMs
  await page.waitForFunction(ended, undefined, { timeout: LONGEST_MS })
  const found = await page.evaluate(() => {
    const { interactiveMs, endedMs, tasks } = globalThis.seen
    const running = tasks.filter(({ startTime }) => startTime > interactiveMs && startTime < (endedMs ?? 0))
    return {
      paintMs: performance.getEntriesByName('first-contentful-paint')[0]?.startTime,
      interactiveMs,
      busyMs: endedMs - interactiveMs,
      longestTaskMs: Math.max(0, ...running.map(({ duration }) => duration)),
    }
  })
  await context.close()
  return { ...found, bytes }
}

const bestOf = async (names, hash, slower) => {
  const best = {}
  for (let i = 0; i < TRIES; i++) {
    const found = await measure(hash, slower)
    for (const name of names) best[name] = Math.min(best[name] ?? Infinity, found[name])
    if (names.every((name) => best[name] <= BUDGETS[name])) break
  }
  return best
}

const SPIN_MS = 500

/** Whether others take the CPU: then times say nothing of the page. */
const isBusy = () => {
  const began = performance.now()
  const before = process.cpuUsage()
  while (performance.now() - began < SPIN_MS);
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000 < SPIN_MS * 0.8
}

const tryBudgets = async () => {
  const minute = `#${new URLSearchParams({ try: JSON.stringify(BUSY) })}`
  const found = {
    ...(await bestOf(['paintMs', 'interactiveMs'], '', 4)),
    ...(await bestOf(['bytes', 'busyMs', 'longestTaskMs'], minute, 1)),
  }
  const busy = isBusy()
  for (const [name, value] of Object.entries(found)) {
    const isJudged = name === 'bytes' || !busy
    console.log(
      `${name.padEnd(14)} ${Math.round(value)} of ${BUDGETS[name]}${isJudged ? '' : ', not judged: the machine is busy'}`,
    )
    if (isJudged && !(value <= BUDGETS[name]))
      problems.push(`/lab: ${name} is ${Math.round(value)}, more than ${BUDGETS[name]}`)
  }
}

mkdirSync(pictures, { recursive: true })
await tryBudgets()
await tryExplain()
for (const name of Object.keys(PRESETS)) await tryPreset(name)
for (const path of PAGES) for (const width of WIDTHS) for (const scheme of SCHEMES) await look(path, width, scheme)
await browser.close()
server.close()
for (const problem of problems) console.log(problem)
console.log(`${Object.keys(PRESETS).length} presets, ${PAGES.length} pages: ${problems.length} problems`)
process.exitCode = problems.length === 0 ? 0 : 1
