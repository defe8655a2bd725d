import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const linesOf = (path: string) => read(path).split('\n')

const workflows = globSync('.github/workflows/*.yml', { cwd: root })

describe('the workflows', () => {
  it.each(workflows)('%s runs actions by the hash of a commit, whose version stands beside it', (path) => {
    const actions = linesOf(path).filter((line) => /\buses:/.test(line))
    expect(actions).not.toEqual([])
    for (const action of actions) expect(action).toMatch(/uses: [\w.-]+(?:\/[\w.-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
  })

  it.each(workflows)('%s names its permissions', (path) => {
    expect(read(path)).toMatch(/^permissions:\n {2}contents: (?:read|write)/m)
  })

  it('publish with a provenance statement, by a token that lives for one run', () => {
    const release = read('.github/workflows/release.yml')
    expect(release).toMatch(/^ {2}id-token: write\b/m)
    expect(release).toMatch(/^ +NPM_CONFIG_PROVENANCE: 'true'$/m)
    expect(release.match(/secrets\.\w+/g)).toEqual(['secrets.GITHUB_TOKEN', 'secrets.GITHUB_TOKEN'])
  })

  it('add to a release what it consists of', () => {
    expect(read('.github/workflows/release.yml')).toMatch(
      /node scripts\/sbom\.mjs "\$version" (\S+)[^]*gh release upload \S+ \1$/m,
    )
  })
})

it('every lockfile, and every action, is kept up to date', () => {
  const lockfiles = globSync('{,docs/*/,tests/*/,scripts/*/}pnpm-lock.yaml', { cwd: root })
  const folders = lockfiles.map((path) => `/${dirname(path)}`.replace(/\.$/, ''))
  const [, watched] = /ecosystem: npm\n\s+directories: \[(.*)\]/.exec(read('.github/dependabot.yml')) ?? []
  expect(watched?.split(', ').toSorted()).toEqual(folders.toSorted())
  expect(read('.github/dependabot.yml')).toContain('package-ecosystem: github-actions')
})
