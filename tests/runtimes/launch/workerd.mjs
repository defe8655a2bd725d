import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { bundle } from '../packed.mjs'

const { resolve } = createRequire(import.meta.url)

/** Workers in workerd, the runtime that serves them: one isolate for all, a request for each check. */
export const workerd = {
  isServer: false,

  version: () => JSON.parse(readFileSync(resolve('miniflare/package.json'), 'utf8')).version,

  start: async (folder) => {
    const { Miniflare } = await import('miniflare')
    const contents = readFileSync(
      await bundle(folder, 'worker', { conditions: ['workerd', 'worker', 'browser'] }),
      'utf8',
    )
    const said = []
    const miniflare = new Miniflare({
      modules: [{ type: 'ESModule', path: 'worker.js', contents }],
      compatibilityDate: '2026-04-01',
      handleRuntimeStdio: (out, err) => {
        for (const stream of [out, err]) stream.setEncoding('utf8').on('data', (text) => said.push(text))
      },
    })
    await miniflare.ready
    return {
      run: async (settings, onOutcome) => {
        for (const setting of settings) {
          const response = await miniflare.dispatchFetch('http://worker/', {
            method: 'POST',
            body: JSON.stringify(setting),
          })
          const text = await response.text()
          onOutcome(setting.index, response.ok ? JSON.parse(text) : { fault: text })
        }
        return { exits: true }
      },
      close: () => miniflare.dispose(),
    }
  },
}
