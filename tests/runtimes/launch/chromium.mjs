import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { bundle } from '../packed.mjs'

/** It is unpacked beside its package: in the folder for temporary files, one of another version may be there, and would be taken. */
const FOLDER = fileURLToPath(new URL('../node_modules/.chromium', import.meta.url))

const unpacked = async () => {
  const { TMPDIR = '' } = process.env
  mkdirSync(FOLDER, { recursive: true })
  process.env.TMPDIR = FOLDER
  try {
    const { default: chromium } = await import('@sparticuz/chromium')
    return await chromium.executablePath()
  } finally {
    if (TMPDIR) process.env.TMPDIR = TMPDIR
    else delete process.env.TMPDIR
  }
}

/** The Linux build that npm ships; elsewhere the Chrome that is installed. */
const options = async () => {
  if (process.platform !== 'linux') return { channel: 'chrome' }
  // Not with the arguments that it proposes: they switch off what separates origins. The sandbox needs more rights than CI has.
  return { executablePath: await unpacked(), args: ['--no-sandbox'] }
}

export const launch = async () => {
  const { chromium } = await import('playwright-core')
  return chromium.launch({ ...(await options()), headless: true })
}

/** Pages of another origin than the server's. */
export const chromium = {
  isServer: false,

  version: async () => {
    const browser = await launch()
    const version = browser.version()
    await browser.close()
    return version
  },

  start: async (folder, { page: url }) => {
    const path = await bundle(folder, 'page', { platform: 'browser', format: 'iife' })
    const browser = await launch()
    return {
      run: async (settings, onOutcome) => {
        const page = await browser.newPage()
        const said = []
        page.on('pageerror', (error) => said.push(String(error)))
        await page.goto(url)
        await page.addScriptTag({ path })
        for (const setting of settings) {
          const outcome = await page.evaluate((one) => globalThis.runCheck(one), setting)
          onOutcome(setting.index, JSON.parse(outcome))
        }
        await page.close()
        return { exits: true, said }
      },
      close: () => browser.close(),
    }
  },
}
