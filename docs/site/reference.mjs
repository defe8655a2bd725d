// The API reference, from the doc comments of the packages' entries.
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Application, Converter } from 'typedoc'
import { content, published, root } from './assemble.mjs'

const entries = new Map(published.flatMap(({ names }) => [...names]))

/** Which error is thrown would be left out. */
const nameError = ({ typeAnnotation, content: parts }) => {
  if (!typeAnnotation) return
  const names = typeAnnotation.replaceAll(/^\{|\}$/g, '')
  parts.unshift({ kind: 'code', text: `\`${names}\`` }, { kind: 'text', text: ' ' })
}

/** A package a row, with all that can be imported from it. */
const indexPage = () => {
  const rows = published.map(({ manifest, names }) => {
    const links = [...names.values()].map((name) => `[${name}](${name}/index.md)`)
    return `| ${links.join(', ')} | ${manifest.description} |`
  })
  return `# Reference

What can be imported, from the comments in the code. Options and behaviour in short: the page of each [package](../packages/aplomb.md).

| from | what it is |
|---|---|
${rows.join('\n')}
`
}

/** Writes the reference; rejects where an item is undocumented. */
export const writeReference = async () => {
  const app = await Application.bootstrapWithPlugins({
    plugin: ['typedoc-plugin-markdown', 'typedoc-vitepress-theme'],
    name: 'Reference',
    entryPoints: [...entries.keys()],
    tsconfig: join(root, 'docs/site/tsconfig.json'),
    out: join(content, 'api'),
    docsRoot: content,
    basePath: root,
    readme: 'none',
    sourceLinkTemplate: 'https://github.com/aplomb-js/aplomb/blob/main/packages/{path}#L{line}',
    gitRevision: 'main',
    disableGit: true,
    excludeInternal: true,
    excludeExternals: true,
    hideBreadcrumbs: true,
    hidePageHeader: true,
    useCodeBlocks: true,
    parametersFormat: 'table',
    interfacePropertiesFormat: 'table',
    preservedTypeAnnotationTags: ['@throws'],
    // Whose a property was first, its own page says; beside it there would be no room for what it is.
    tableColumnSettings: { hideModifiers: true, hideSources: true, hideInherited: true, hideOverrides: true },
    logLevel: 'Warn',
    validation: { notExported: false, invalidLink: true, notDocumented: true },
    requiredToBeDocumented: ['Function', 'Interface', 'Class', 'Variable', 'TypeAlias', 'Property', 'Method'],
    excludeNotDocumented: false,
    entryPointStrategy: 'resolve',
  })
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const one of project.children ?? []) one.name = entries.get(one.sources[0].fullFileName) ?? one.name
    for (const { comment } of Object.values(project.reflections)) comment?.blockTags.forEach(nameError)
  })
  const project = await app.convert()
  if (!project) throw new Error('The API reference could not be made.')
  app.validate(project)
  await app.generateOutputs(project)
  writeFileSync(join(content, 'api/index.md'), indexPage())
  // They are mended where the doc comments are; what comes next is in the sidebar for entries alone.
  for (const page of globSync('api/**/*.md', { cwd: content }))
    writeFileSync(
      join(content, page),
      `---\npageClass: reference\neditLink: false\nprev: false\nnext: false\n---\n\n${readFileSync(join(content, page), 'utf8')}`,
    )
  return { warnings: app.logger.warningCount, errors: app.logger.errorCount }
}
