// Every page, light and dark: axe finds nothing, no page is wider than its window, and at a desk no line of a program is cut. Each at the width of a desk and of a phone;
// those of the reference, hundreds that are made in one way, at one of the two, and without a picture.
import axe from 'axe-core'
import { globSync } from 'node:fs'
import { join, sep } from 'node:path'
import { dist, LONGEST_MS, open, pictures, note, site } from './browser.mjs'

const isReference = (path) => path.startsWith('/api/') && path !== '/api/'
const all = globSync('**/*.html', { cwd: dist })
  .map((file) => `/${file.split(sep).join('/')}`.replace(/(?<=\/)index\.html$|\.html$/, ''))
  .toSorted()
const pages = all.filter((path) => !isReference(path))
const reference = all.filter(isReference)

const DESK = 1440
/** Each with a narrower or wider one, at which a page only has to fit. */
const LANES = [
  { width: DESK, other: 1024 },
  { width: 390, other: 768 },
]
const HEIGHT = 900
const SCHEMES = ['light', 'dark']
/** VitePress's own: buttons in the entries of its sidebar, a label of its search that is not its text, a title outside of what is main. */
const OF_THE_THEME = ['.VPSidebarItem > .item', '.DocSearch-Button', '.VPHero']

/** Alive, and with nothing that still runs. */
const isDone = () =>
  Object.hasOwn(document.querySelector('#app'), '__vue_app__') &&
  document.querySelector('[data-ended="false"]') === null

const isIn = (scheme) => document.documentElement.classList.contains('dark') === (scheme === 'dark')

const fits = async ({ page }, where) => {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
  if (over > 0) note(`${where} is ${over} px too wide`)
}

/** A reader at a desk sees whole lines of programs. */
const showsItsLines = async ({ page }, where) => {
  const cut = await page.evaluate(() =>
    [...document.querySelectorAll('.vp-doc pre')]
      .filter((pre) => pre.scrollWidth > pre.clientWidth)
      .map((pre) => pre.textContent.trim().split('\n')[0]),
  )
  for (const first of cut) note(`${where}: lines are cut, in the block that begins with ${first}`)
}

/** Those that would be fetched once they are scrolled to; rejects where there is none. */
const waitForPictures = ({ page }) =>
  page.evaluate(() =>
    Promise.all(
      [...document.images]
        .filter((image) => image.checkVisibility())
        .map((image) => {
          image.loading = 'eager'
          return image.decode()
        }),
    ),
  )

const judge = async ({ page, where }, context, rules) => {
  const options = { resultTypes: ['violations'], ...(rules && { runOnly: rules }) }
  const { violations } = await page.evaluate((given) => globalThis.axe.run(...given), [context, options])
  for (const { id, help, nodes } of violations) note(`${where}: ${id}, ${help}: ${nodes[0]?.html.slice(0, 120)}`)
}

const lookAt = async (paths, { width, other }) => {
  const opened = await open(width)
  const { page } = opened
  await page.addInitScript(axe.source)
  for (const path of paths) {
    opened.where = `${path} (${width})`
    await page.goto(site + path)
    await page.waitForFunction(isDone, undefined, { timeout: LONGEST_MS })
    await fits(opened, opened.where)
    if (width === DESK) await showsItsLines(opened, opened.where)
    await page.setViewportSize({ width: other, height: HEIGHT })
    await fits(opened, `${path} (${other})`)
    await page.setViewportSize({ width, height: HEIGHT })
    // What stands around the pages is judged with the others.
    const context = isReference(path) ? { include: '.VPDoc' } : { exclude: OF_THE_THEME }
    for (const colorScheme of SCHEMES) {
      opened.where = `${path} (${width}, ${colorScheme})`
      // What fades from one scheme to the other would be judged half-way.
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      await page.waitForFunction(isIn, colorScheme, { timeout: LONGEST_MS })
      // The rest is the same in both.
      await judge(opened, context, colorScheme === 'light' ? undefined : ['color-contrast'])
      if (isReference(path)) continue
      await waitForPictures(opened)
      const name = path.slice(1).replaceAll('/', '-') || 'index'
      await page.screenshot({ path: join(pictures, `${name}-${width}-${colorScheme}.png`), fullPage: true })
    }
  }
  await opened.close()
}

/** How many there are. */
export const tryPages = async () => {
  const isOf = (lane) => (_, i) => i % LANES.length === lane
  await Promise.all(LANES.map((lane, i) => lookAt([...pages, ...reference.filter(isOf(i))], lane)))
  return all.length
}
