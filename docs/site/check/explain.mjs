// What the page says of saved answers is what the command says; so it is behind a link, which holds no secret.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../assemble.mjs'
import { read as explained } from '../explain/read.ts'
import { LONGEST_MS, openAt, note } from './browser.mjs'

const isEqual = (where, shown, wanted) => {
  if (shown !== wanted) note(`${where}: shows ${shown}, is ${wanted}`)
}

const words = (text) => text.replaceAll(/\s+/g, ' ').trim()

const recorded = (status) => ({
  startedDateTime: '2026-01-15T12:00:00Z',
  time: 1,
  request: { method: 'GET', url: 'https://api.test/v1/items', headers: [] },
  response: { status, statusText: '', headers: [], content: { text: '' } },
})

export const tryExplain = async () => {
  const { page, where, close } = await openAt('/explain', 1440)
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
    await shows((await explained({ text })).report).catch(() => note(`${where}: ${name} is read otherwise`))
  }

  const secret = ['sk', 'live', '4eC39HqLyjWDarjtT1zdp7dc'].join('_')
  const text = `HTTP/2 401\ncontent-type: application/json\n\n{"message":"Invalid API key: ${secret}"}`
  await answer.fill(text)
  await page.locator('.explain select').selectOption('POST')
  await shows((await explained({ text, method: 'POST' })).report)
  await page.getByRole('button', { name: 'Copy a link' }).click()
  await page.waitForFunction(() => location.hash.startsWith('#answer='), undefined, { timeout: LONGEST_MS })
  const { hash } = new URL(page.url())
  if (decodeURIComponent(hash).includes(secret)) note(`${where}: its link holds a secret`)
  const kind = await page.locator('.explain .kind').textContent()
  const linked = await openAt(`/explain${hash}`, 390)
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
