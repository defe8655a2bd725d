// Each preset of the lab ends with the numbers that it has in Node.
import { join } from 'node:path'
import { PRESETS } from '../lab/presets.ts'
import { run } from '../lab/run.ts'
import { LONGEST_MS, openAt, pictures, note } from './browser.mjs'

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
  const { page, where, close } = await openAt(`/lab#preset=${name}`, 1440)
  const shown = await shownOf(page)
  for (const [i, client] of clients.entries()) {
    const { answered, sent, seconds } = await run(settings, client)
    const wanted = [`${answered} of ${settings.calls}`, String(sent), seconds.toFixed(1)]
    if (JSON.stringify(shown[i]) !== JSON.stringify(wanted))
      note(`${where}, ${client}: shows ${shown[i]?.join(', ')}, is ${wanted.join(', ')}`)
  }
  await page.screenshot({ path: join(pictures, `lab-${name}.png`), fullPage: true })
  await close()
}

/** How many there are. */
export const tryPresets = async () => {
  const names = Object.keys(PRESETS)
  for (const name of names) await tryPreset(name)
  return names.length
}
