// A registry on loopback with the packed packages and what they depend on: `npm install aplomb` as a user does it, without the network.
import { execFile, execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { dependenciesIn } from '../../scripts/packages.mjs'
import { env, root } from '../../scripts/setup.mjs'

const shell = process.platform === 'win32'
const run = promisify(execFile)

/** What a registry says of a package that has one version. */
const packument = (tarball, origin) => {
  const manifest = JSON.parse(
    execFileSync('tar', ['-xzOf', tarball.path, 'package/package.json'], { encoding: 'utf8' }),
  )
  const { name, version } = manifest
  const integrity = `sha512-${createHash('sha512').update(tarball.bytes).digest('base64')}`
  const dist = { tarball: `${origin}/-/${tarball.file}`, integrity }
  return [name, { name, 'dist-tags': { latest: version }, versions: { [version]: { ...manifest, dist } } }]
}

/** A package that is installed, as it was published. */
const packAgain = (installed, index, folder) => {
  const copy = join(folder, `${index}`)
  cpSync(installed, join(copy, 'package'), { recursive: true })
  execFileSync('tar', ['-czf', `../${index}.tgz`, 'package'], { cwd: copy })
}

/** Serves the packages that were packed into `packed`, and their dependencies. */
export const startRegistry = async (packed, folder) => {
  for (const [index, installed] of dependenciesIn(root).entries()) packAgain(installed.folder, index, folder)
  const tarballs = [packed, folder].flatMap((from) =>
    readdirSync(from)
      .filter((file) => file.endsWith('.tgz'))
      .map((file) => ({ file, path: join(from, file), bytes: readFileSync(join(from, file)) })),
  )
  const files = new Map(tarballs.map(({ file, bytes }) => [`/-/${file}`, bytes]))
  const server = createServer(({ url }, response) => {
    const file = files.get(url)
    const known = packuments.get(decodeURIComponent(url.slice(1)))
    if (file) response.end(file)
    else if (known) response.setHeader('content-type', 'application/json').end(JSON.stringify(known))
    else response.writeHead(404).end('{}')
  })
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
  const origin = `http://127.0.0.1:${server.address().port}`
  const packuments = new Map(tarballs.map((tarball) => packument(tarball, origin)))
  return { origin, close: () => server.close() }
}

/** Each with nothing of the machine's own: neither what it has cached, nor its registry. */
const INSTALLERS = {
  npm: (folder) => ['install', '--cache', join(folder, '.cache'), '--no-audit', '--no-fund', '--ignore-scripts'],
  pnpm: (folder) => [
    'install',
    '--ignore-workspace',
    '--ignore-scripts',
    `--config.cache-dir=${join(folder, '.cache')}`,
    `--config.store-dir=${join(folder, '.store')}`,
  ],
}

/**
 * Installs packages as an application does, and gives its folder. `packed` is where the tarballs are.
 */
export const installFromRegistry = async (packed, dependencies, folder) => {
  const registry = await startRegistry(packed, join(folder, 'tarballs'))
  try {
    return await Promise.all(
      Object.entries(INSTALLERS).map(async ([installer, argumentsFor]) => {
        const application = join(folder, installer)
        mkdirSync(application, { recursive: true })
        const manifest = { name: 'application', version: '1.0.0', private: true, type: 'module', dependencies }
        writeFileSync(join(application, 'package.json'), JSON.stringify(manifest))
        const settings = { npm_config_registry: registry.origin, npm_config_userconfig: join(application, '.npmrc') }
        await run(installer, argumentsFor(application), { cwd: application, env: { ...env, ...settings }, shell })
        return { installer, application }
      }),
    )
  } finally {
    registry.close()
  }
}
