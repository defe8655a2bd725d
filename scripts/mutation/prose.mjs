import { declareValuePlugin, PluginKind } from '@stryker-mutator/api/plugin'

const textOf = ({ type, value, quasis }) => {
  if (type === 'StringLiteral') return value
  return type === 'TemplateLiteral' ? quasis.map((quasi) => quasi.value.cooked).join('…') : ''
}

/** Sentences for people: a test that pins their every word says nothing but the sentence once more. */
const prose = {
  shouldIgnore: ({ node }) => (/\p{L}\S* \S*\p{L}/u.test(textOf(node)) ? 'prose' : undefined),
}

export const strykerPlugins = [declareValuePlugin(PluginKind.Ignore, 'prose', prose)]
