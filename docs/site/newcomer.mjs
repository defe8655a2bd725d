// What the landing page says is done as a newcomer would: in an empty folder its command is run, and its block is pasted. The
// packages are those that would be published, from a registry on loopback; the API is the mock one, and refuses the first request.
//     node docs/site/newcomer.mjs        after `npm run build`
import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { pack } from '../../scripts/packages.mjs'
import { env, node, root } from '../../scripts/setup.mjs'
import { startRegistry } from '../../tests/runtimes/registry.mjs'

const run = promisify(execFile)
const page = readFileSync(join(root, 'docs/site/pages/index.md'), 'utf8')
const blockOf = (language) => {
  const found = [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm'))].map(([, code]) => code)
  if (found.length !== 1) throw new Error(`the landing page has ${found.length} blocks of ${language}`)
  return found[0]
}

const PRELOAD = `
import { createMockApi } from ${JSON.stringify(pathToFileURL(join(root, 'packages/mock-api/src/index.ts')).href)}
const api = createMockApi()
const statuses = []
globalThis.fetch = async (input, init) => {
  const first = statuses.length === 0
  const response = first ? new Response(null, { status: 429, headers: { 'retry-after': '1' } }) : await api.fetch(input, init)
  statuses.push(response.status)
  return response
}
process.on('exit', () => console.log(statuses.join(' ')))
`

const folder = mkdtempSync(join(tmpdir(), 'aplomb-newcomer-'))
try {
  const tarballs = join(folder, 'tarballs')
  const application = join(folder, 'application')
  mkdirSync(application)
  pack(root, tarballs, env)
  const registry = await startRegistry(tarballs, join(folder, 'dependencies'))
  try {
    const command = blockOf('sh').trim()
    const settings = { npm_config_registry: registry.origin, npm_config_userconfig: join(folder, '.npmrc') }
    const options = { cwd: application, env: { ...env, ...settings, npm_config_cache: join(folder, '.cache') } }
    await run(command, { ...options, shell: true })
  } finally {
    registry.close()
  }
  writeFileSync(join(folder, 'preload.mjs'), PRELOAD)
  writeFileSync(join(application, 'index.mjs'), blockOf('ts'))
  const preload = pathToFileURL(join(folder, 'preload.mjs')).href
  const printed = execFileSync(node, ['--import', preload, 'index.mjs'], { cwd: application, env, encoding: 'utf8' })
  if (!/^\{[^]*'192\.0\.2\.1'[^]*\}\n429 200\n$/.test(printed))
    throw new Error(`the block of the landing page prints ${printed}`)
  console.log('the block of the landing page works')
} finally {
  rmSync(folder, { recursive: true, force: true })
}
