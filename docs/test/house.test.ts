import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

interface Manifest {
  readonly private?: boolean
  readonly exports?: Readonly<Record<string, unknown>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly publishConfig?: { readonly exports?: Readonly<Record<string, unknown>> }
}

const root = fileURLToPath(new URL('../..', import.meta.url))

const packages = readdirSync(join(root, 'packages'))
  .filter((folder) => existsSync(join(root, 'packages', folder, 'package.json')))
  .map((folder) => ({
    folder,
    manifest: JSON.parse(readFileSync(join(root, 'packages', folder, 'package.json'), 'utf8')) as Manifest,
  }))

describe.each(packages.filter(({ manifest }) => manifest.private !== true))(
  'the package $folder',
  ({ folder, manifest }) => {
    it('has a README of at most 80 lines', () => {
      const lines = readFileSync(join(root, 'packages', folder, 'README.md'), 'utf8')
        .trimEnd()
        .split('\n')
      expect(lines.length).toBeLessThanOrEqual(80)
    })

    it('says in its manifest what npm and bundlers need to know', () => {
      expect(manifest).toMatchObject({
        name: folder === 'aplomb' ? 'aplomb' : `@aplomb/${folder}`,
        description: expect.stringMatching(/\S/),
        license: 'MIT',
        repository: { type: 'git', directory: `packages/${folder}` },
        type: 'module',
        sideEffects: false,
        files: ['dist', 'src'],
        engines: { node: '>=22.12' },
        publishConfig: { access: 'public' },
      })
    })

    it('tells npm its page, where to report what is wrong, and whose it is', () => {
      expect(manifest).toMatchObject({
        homepage: `https://github.com/aplomb-js/aplomb/tree/main/packages/${folder}#readme`,
        bugs: 'https://github.com/aplomb-js/aplomb/issues',
        author: 'aplomb contributors (https://github.com/aplomb-js)',
      })
    })

    it('publishes every entry point that it has in development', () => {
      expect(Object.keys(manifest.publishConfig?.exports ?? {})).toEqual(Object.keys(manifest.exports ?? {}))
    })
  },
)

/** What each package imports of the house. Leaves meet in the contract: none brings another's knowledge along. */
const IMPORTS: Readonly<Record<string, readonly string[]>> = {
  pipeline: [],
  redact: ['pipeline'],
  limits: ['pipeline'],
  classify: ['limits', 'pipeline', 'redact'],
  'backoff-jitter': ['pipeline'],
  'concurrency-gate': ['pipeline'],
  'retry-after': ['pipeline'],
  'credit-meter': ['pipeline', 'redact'],
  llm: ['pipeline'],
  log: ['pipeline', 'redact'],
  otel: ['pipeline', 'redact'],
  redis: ['pipeline'],
  // And aplomb.
  ky: ['pipeline'],
  // Its deliveries are sent by a pipeline of two.
  alert: ['backoff-jitter', 'pipeline', 'redact', 'retry-after'],
}

it.each(Object.entries(IMPORTS))('%s imports of the house %j and nothing else', (folder, imports) => {
  const { dependencies, peerDependencies } = packages.find((one) => one.folder === folder)?.manifest ?? {}
  const house = Object.keys({ ...dependencies, ...peerDependencies }).filter((name) => name.startsWith('@aplomb/'))
  expect(house.toSorted()).toEqual(imports.map((name) => `@aplomb/${name}`))
})

it('names every package in the lists that need all of them', () => {
  const { stdout, status } = spawnSync(process.execPath, ['scripts/sync.mjs', '--check'], {
    cwd: root,
    encoding: 'utf8',
  })
  expect({ stdout, status }).toEqual({ stdout: '', status: 0 })
})
