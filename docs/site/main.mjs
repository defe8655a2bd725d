// `npm run docs` shows the site while it is written, `npm run docs:build` builds it into docs/site/dist.
import { cpSync, watch } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, createServer } from 'vitepress'
import { assemble, content, root } from './assemble.mjs'
import { writeReference } from './reference.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))

assemble()
cpSync(join(root, 'docs/pictures'), join(content, 'public/pictures'), { recursive: true })
const { warnings, errors } = await writeReference()
if (warnings + errors > 0)
  throw new Error(`${warnings + errors} items of the API reference lack documentation, or their links lead nowhere`)

if (process.argv[2] === 'build') await build(here)
else {
  const server = await createServer(here)
  await server.listen()
  server.printUrls()
  let timer
  const again = () => {
    clearTimeout(timer)
    timer = setTimeout(assemble, 200)
  }
  for (const folder of ['docs', 'packages'])
    watch(
      join(root, folder),
      { recursive: true },
      (_, name) => name?.endsWith('.md') && !name.includes('.content') && again(),
    )
}
