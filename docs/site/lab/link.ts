import { PRESETS } from './presets.ts'
import type { ClientName, Settings } from './run.ts'

/** What the page shows: the settings, the two clients, and the preset that they are of. */
export interface Form extends Settings {
  preset: string | undefined
  clients: ClientName[]
}

const fromPreset = (name: string): Form => {
  const { settings, clients } = PRESETS[name]!
  return structuredClone({ ...settings, clients: [...clients], preset: name })
}

/** What a link holds; undefined if it holds nothing that makes sense. */
export const fromHash = (hash: string): Form | undefined => {
  const query = new URLSearchParams(hash.replace(/^#/, ''))
  const preset = query.get('preset') ?? (hash === '' ? 'herd' : '')
  if (Object.hasOwn(PRESETS, preset)) return fromPreset(preset)
  try {
    const { api, calls, overMs, processes, seed, clients } = JSON.parse(query.get('try') ?? '') as Form
    const one: Form = { preset: undefined, api, calls, overMs, processes, seed, clients }
    return typeof api === 'object' && Array.isArray(clients) && clients.length === 2 ? one : undefined
  } catch {
    return undefined
  }
}

export const toHash = ({ preset, ...rest }: Form): string => {
  const { clients, ...settings } = rest
  const given = preset === undefined ? undefined : fromPreset(preset)
  const isPreset = given && JSON.stringify(given.clients) === JSON.stringify(clients)
  return isPreset ? `#preset=${preset}` : `#${new URLSearchParams({ try: JSON.stringify({ ...settings, clients }) })}`
}
