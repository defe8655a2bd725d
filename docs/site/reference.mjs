// The API reference, from the doc comments of the packages' entries.
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Application, Converter } from 'typedoc'
import { publicPackagesIn } from '../../scripts/packages.mjs'
import { content, root } from './assemble.mjs'

/** Each file that can be imported, with the name it is imported by. */
const entries = new Map(
  publicPackagesIn(root).flatMap(({ folder, manifest }) =>
    Object.entries(manifest.exports ?? {}).map(([name, path]) => [
      join(root, folder, path),
      `${manifest.name}${name.slice(1)}`,
    ]),
  ),
)

/** Which error is thrown would be left out. */
const nameError = ({ typeAnnotation, content: parts }) => {
  if (!typeAnnotation) return
  const names = typeAnnotation.replaceAll(/^\{|\}$/g, '')
  parts.unshift({ kind: 'code', text: `\`${names}\`` }, { kind: 'text', text: ' ' })
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
    tableColumnSettings: { hideModifiers: true, hideSources: true },
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
  // They are mended where the doc comments are; what comes next is in the sidebar for entries alone.
  for (const page of globSync('api/**/*.md', { cwd: content }))
    writeFileSync(
      join(content, page),
      `---\neditLink: false\nprev: false\nnext: false\n---\n\n${readFileSync(join(content, page), 'utf8')}`,
    )
  return { warnings: app.logger.warningCount, errors: app.logger.errorCount }
}
