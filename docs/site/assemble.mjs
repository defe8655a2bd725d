// Gathers what the site shows from where it is kept: guides in docs, a page for each package from its README, programs of
// docs/examples. Links between files become links between pages; those to anything else lead to the repository.
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, posix, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { publicPackagesIn } from '../../scripts/packages.mjs'

export const root = fileURLToPath(new URL('../..', import.meta.url))
export const content = fileURLToPath(new URL('.content', import.meta.url))
const REPOSITORY = 'https://github.com/aplomb-js/aplomb'

const inRepository = (pattern) =>
  globSync(pattern, { cwd: root, exclude: ['**/node_modules/**', 'docs/site/.content/**'] })
    .map((path) => path.split(sep).join('/'))
    .toSorted()

const isWhole = ({ manifest }) => manifest.name === 'aplomb'

/** The packages, first the one that brings the others, with what can be imported from each: names, by file. */
export const published = publicPackagesIn(root)
  .toSorted((one, other) => Number(isWhole(other)) - Number(isWhole(one)))
  .map(({ folder, manifest }) => {
    const entries = Object.entries(manifest.exports ?? {})
    const names = entries.map(([name, path]) => [join(root, folder, path), `${manifest.name}${name.slice(1)}`])
    return { folder, manifest, names: new Map(names) }
  })

/** The page of each file, without its extension. */
const pages = new Map([
  ['README.md', 'why'],
  ...inRepository('docs/*.md')
    .filter((path) => path !== 'docs/README.md')
    .map((path) => [path, `guide/${basename(path, '.md')}`]),
  ['docs/observability/README.md', 'guide/observability'],
  ...inRepository('docs/guides/*.md').map((path) => [path, `guide/${basename(path, '.md')}`]),
  ...inRepository('docs/recipes/*.md').map((path) => [path, `recipes/${basename(path, '.md')}`]),
  ...inRepository('docs/sdks/*.md').map((path) => [path, `sdks/${basename(path, '.md')}`]),
  ...inRepository('docs/migrate/*.md').map((path) => [path, `migrate/${basename(path, '.md')}`]),
  ...published.map(({ folder }) => [`${folder}/README.md`, `packages/${basename(folder)}`]),
  ...inRepository('docs/examples/*.ts').map((path) => [path, `examples/${basename(path, '.ts')}`]),
])

/** Where a link of a file leads. */
const target = (from, link) => {
  if (/^(?:[a-z]+:|#|\/)/i.test(link)) return link
  const [path = '', anchor] = link.split('#')
  const to = posix.join(posix.dirname(from), path).replace(/\/$/, '')
  if (!existsSync(join(root, to))) throw new Error(`${from}: there is no ${to}`)
  const isFolder = statSync(join(root, to)).isDirectory()
  const page = pages.get(isFolder ? `${to}/README.md` : to) ?? /^docs\/site\/pages\/(.*)\.md$/.exec(to)?.[1]
  const hash = anchor === undefined ? '' : `#${anchor}`
  return page === undefined ? `${REPOSITORY}/${isFolder ? 'tree' : 'blob'}/main/${to}${hash}` : `/${page}${hash}`
}

const withLinks = (from, text) =>
  text.replaceAll(/(\]\()([^)\s]+)(\))/g, (_, open, link, close) => open + target(from, link) + close)

/** Pictures follow the switch of the site, not that of the system; badges are fetched from elsewhere. */
const forSite = (text) =>
  text
    .replaceAll(
      /<picture>\s*<source [^>]*pictures\/([\w-]+)-dark\.svg">\s*<img [^>]*alt="([^"]*)">\s*<\/picture>/g,
      (_, name, alt) => `<Picture name="${name}" alt="${alt}" />`,
    )
    .replaceAll(/^\[!\[.*\n/gm, '')

/** What each program shows, as docs/README.md has it. */
const programs = new Map(
  [...readFileSync(join(root, 'docs/README.md'), 'utf8').matchAll(/^\| \[.*?\]\((examples\/.*?)\) \| (.*) \|$/gm)].map(
    ([, path, about]) => [`docs/${path}`, about],
  ),
)

/** A program as a page: what it shows, then all of it. */
const fromProgram = (path, text) =>
  `# ${basename(path)}\n\nThis shows ${programs.get(path)}.\n\n\`\`\`ts\n${text.trimEnd()}\n\`\`\`\n`

const titleOf = (path) => /^# (.*)$/m.exec(readFileSync(join(root, path), 'utf8'))?.[1] ?? basename(path, '.md')

/** Links to the pages of a folder, for a sidebar. */
export const pagesUnder = (folder) =>
  [...pages]
    .filter(([, page]) => page.startsWith(`${folder}/`))
    .map(([path, page]) => ({ text: titleOf(path), link: `/${page}` }))

export const exampleTitles = () =>
  [...programs.keys()].map((path) => ({ text: basename(path, '.ts'), link: `/${pages.get(path)}` }))

const write = (page, text) => {
  const path = join(content, `${page}.md`)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

/** Where a page may be mended; and that of a program has no outline, so that its lines have the room. */
const withSource = (path, text) => `---\nsource: ${path}\n${path.endsWith('.ts') ? 'aside: false\n' : ''}---\n\n${text}`

/** The width and height of each picture: a page keeps its place until it is there. */
const sizes = () =>
  inRepository('docs/pictures/*-light.svg').map((path) => {
    const [, ...size] = /^<svg [^>]*?width="(\d+)" height="(\d+)"/.exec(readFileSync(join(root, path), 'utf8')) ?? []
    return [basename(path, '-light.svg'), size]
  })

export const assemble = () => {
  rmSync(content, { recursive: true, force: true })
  cpSync(fileURLToPath(new URL('pages', import.meta.url)), content, { recursive: true })
  writeFileSync(join(content, 'pictures.json'), JSON.stringify(Object.fromEntries(sizes())))
  for (const [path, page] of pages) {
    const text = readFileSync(join(root, path), 'utf8')
    const shown = path.endsWith('.ts') ? fromProgram(path, text) : withLinks(path, forSite(text))
    // The front page of the repository stands between others here.
    write(page, withSource(path, page === 'why' ? shown.replace(/^# aplomb$/m, '# Why aplomb') : shown))
  }
}
