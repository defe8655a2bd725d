import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitepress'
import { exampleTitles, pagesUnder, published } from '../assemble.mjs'
import { tables } from './tables.mjs'

const packages = fileURLToPath(new URL('../../../packages', import.meta.url))
const REPOSITORY = 'https://github.com/aplomb-js/aplomb'

const link = (text, page) => ({ text, link: `/${page}` })
/** Of what, is seen in the sidebar, and said where it is the next page. */
const overview = (docFooterText, page) => ({ ...link('Overview', page), docFooterText })

const situations = [
  link('I get 429s', 'guide/rate-limits'),
  link('My credits vanish', 'guide/credits'),
  link('My retries made it worse', 'guide/outages'),
  link('Users wait behind my batch', 'guide/priorities'),
  link('Tokens per minute', 'guide/tokens-per-minute'),
  link('Many agents, one key', 'guide/many-agents'),
  link('Many workers, one key', 'packages/redis'),
  link('What to log', 'guide/logging'),
  link('Which alerts to set', 'guide/alerts'),
  link('Test my integration', 'guide/testing'),
  link('Meet a vendor in tests', 'guide/mock-profiles'),
  link('I write an SDK', 'guide/sdk-authors'),
]

const how = [
  link('How it decides', 'guide/decisions'),
  link('How it waits', 'guide/congestion-control'),
  link('Explain an answer', 'guide/explain'),
  link('Repeat a POST safely', 'guide/post'),
  link('Refresh a token', 'guide/token-refresh'),
  link('CommonJS and scripts', 'guide/commonjs'),
  link('Observability', 'guide/observability'),
  link('Runtimes and sizes', 'guide/runtimes-and-sizes'),
  link('What is promised', 'guide/promises'),
  link('Questions', 'guide/questions'),
]

/** One page for each entry; what is on it, the page itself lists: all of it in a sidebar would be in each of hundreds of pages. */
const reference = published.flatMap(({ names }) => [...names.values()].map((name) => link(name, `api/${name}/`)))

/** Which entry of the navigation a page belongs to. */
const START = '^/(?:guide/(?:start|compared)$|why$)'
const LOOK_UP = '^/(?:guide/(?:apis|sdks)$|recipes/|sdks/|packages/|api/)'
const GUIDES = '^/(?:guide/(?!(?:start|compared|apis|sdks)$)|migrate/|examples/)'

export default defineConfig({
  title: 'aplomb',
  description: 'Composure for any fetch: waits, retries, limits and credits, decided for every answer.',
  srcDir: '.content',
  outDir: 'dist',
  cacheDir: 'node_modules/.vitepress',
  base: process.env.SITE_BASE ?? '/',
  cleanUrls: true,
  lastUpdated: false,
  // A page that nobody asks for is not fetched.
  router: { prefetchLinks: false },
  // Nothing is fetched from elsewhere, fonts included.
  useWebFonts: false,
  vite: {
    // The packages as they are in development.
    resolve: {
      alias: [
        { find: /^aplomb$/, replacement: join(packages, 'aplomb/src/index.ts') },
        { find: /^aplomb\/explain$/, replacement: join(packages, 'aplomb/src/explain/index.ts') },
        { find: /^@aplomb\/limits\/vendors$/, replacement: join(packages, 'limits/src/vendors/index.ts') },
        { find: /^@aplomb\/([\w-]+)$/, replacement: join(packages, '$1/src/index.ts') },
      ],
    },
    worker: { format: 'es' },
    // Its esbuild knows no newer one.
    esbuild: { tsconfigRaw: { compilerOptions: { target: 'es2023' } } },
  },
  markdown: {
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
    languageAlias: { cjs: 'javascript', mjs: 'javascript', output: 'log', explained: 'log' },
    config: (md) => {
      // What may be scrolled sideways can be reached by keys.
      md.renderer.rules.code_block = (tokens, i) =>
        `<pre v-pre tabindex="0"><code>${md.utils.escapeHtml(tokens[i].content)}</code></pre>\n`
      md.use(tables)
    },
  },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      { ...link('Start', 'guide/start'), activeMatch: START },
      link('Lab', 'lab'),
      link('Explain', 'explain'),
      { ...link('Guides', 'guide/rate-limits'), activeMatch: GUIDES },
      // More would not fit in a window of 768 pixels.
      {
        text: 'Look up',
        activeMatch: LOOK_UP,
        items: [
          link('Real APIs', 'guide/apis'),
          link('Client libraries', 'guide/sdks'),
          link('Packages', 'packages/aplomb'),
          link('Reference', 'api/'),
        ],
      },
    ],
    sidebar: {
      '/api/': [{ text: 'Reference', items: reference }],
      '/': [
        {
          text: 'Start',
          items: [link('Getting started', 'guide/start'), link('Why', 'why'), link('Compared', 'guide/compared')],
        },
        { text: 'Situations', items: situations },
        { text: 'How it works', items: how },
        { text: 'Real APIs', collapsed: true, items: [overview('Real APIs', 'guide/apis'), ...pagesUnder('recipes')] },
        {
          text: 'Client libraries',
          collapsed: true,
          items: [overview('Client libraries', 'guide/sdks'), ...pagesUnder('sdks')],
        },
        { text: 'Coming from', collapsed: true, items: pagesUnder('migrate') },
        { text: 'Packages', collapsed: true, items: pagesUnder('packages') },
        { text: 'Programs', collapsed: true, items: exampleTitles() },
      ],
    },
    socialLinks: [{ icon: 'github', link: REPOSITORY }],
    editLink: {
      // Runs in the reader's browser, from its own text.
      pattern: ({ frontmatter }) => `https://github.com/aplomb-js/aplomb/edit/main/${frontmatter.source}`,
      text: 'Mend this page',
    },
    footer: { message: 'MIT licence' },
  },
})
