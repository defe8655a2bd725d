import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { isTested, type OnePromise, PAGE, pageOf, readPromises, root } from './promises.ts'

const read = (path: string) => readFileSync(join(root, path), 'utf8')
const promises = readPromises()
const nameOf = ({ readme, quote }: OnePromise) => `${readme}: ${quote}`

const TITLES = /\b(?:describe|it|test)(?:\.\w+)*(?:\([^()]*(?:\([^()]*\)[^()]*)*\))?\(\s*(['"`])(.+?)\1\s*,/g

/** The titles of the tests and groups in a file. */
const titlesIn = (path: string) => [...read(path).matchAll(TITLES)].map(([, , title]) => title)

describe.each(promises.map((promise) => ({ name: nameOf(promise), promise })))('$name', ({ promise }) => {
  it('stands in the README', () => {
    expect(read(promise.readme)).toContain(promise.quote)
  })

  it('is shown by a test or a command that exists', () => {
    if (isTested(promise)) return expect(titlesIn(promise.test)).toContain(promise.title)
    const [, script = ''] = /^npm run (\S+)/.exec(promise.command) ?? []
    return expect(JSON.parse(read('package.json'))).toHaveProperty(['scripts', script])
  })
})

const breaks = promises.filter(isTested).flatMap((promise) => promise.break ?? [])

it('at least ten can be broken, each at one place', () => {
  expect(breaks.length).toBeGreaterThanOrEqual(10)
  for (const { file, find, replace } of breaks) {
    expect(read(file).split(find)).toHaveLength(2)
    expect(replace).not.toBe(find)
  }
})

it('every area is there, and each promise has a figure', () => {
  expect([...new Set(promises.map(({ area }) => area))]).toEqual(['Safety', 'Bounds', 'Money', 'Secrets', 'Memory'])
  expect(promises.filter(({ figure }) => figure === undefined).map(nameOf)).toEqual([])
})

it('the page says what the data say, and is linked from the front page and SECURITY', () => {
  expect(existsSync(join(root, PAGE)) && read(PAGE)).toBe(pageOf(promises))
  expect(read('README.md')).toContain(`](${PAGE})`)
  expect(read('SECURITY.md')).toContain(`](${PAGE})`)
})
