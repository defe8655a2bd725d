import { parseDictionary, parseList, Token, type BareItem, type Item } from 'structured-headers'

/** A policy of `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers), of any revision. */
export interface Policy {
  /** Absent before revision 08, when policies had no names. */
  readonly name?: string | undefined
  readonly pk?: string | undefined
  readonly quota: number
  readonly windowMs?: number | undefined
  readonly unit?: string | undefined
}

/** What `RateLimit` says about one policy. `reset` is in seconds. */
export interface Quota {
  readonly name?: string | undefined
  readonly pk?: string | undefined
  readonly limit?: number | undefined
  readonly remaining?: number | undefined
  readonly reset?: number | undefined
}

const isItem = (member: unknown): member is Item => Array.isArray(member) && !Array.isArray(member[0])

const count = (value: BareItem | undefined): number | undefined =>
  typeof value === 'number' && value >= 0 && Number.isSafeInteger(Math.floor(value)) ? value : undefined

const label = (value: BareItem | undefined): string | undefined =>
  typeof value === 'string' ? value : value instanceof Token ? value.toString() : undefined

/** Partition keys are compared, never decoded; the drafts' own examples are not valid base64 throughout. */
const opaqueKeys = (text: string): string => text.replaceAll(/=:([\w+/=-]*):/g, '="$1"')

const attempt = <T>(parse: () => T): T | undefined => {
  try {
    return parse()
  } catch {
    return undefined // a malformed field is ignored as a whole, says the draft
  }
}

const items = (text: string): readonly Item[] =>
  (
    attempt(() => parseList(opaqueKeys(text))) ??
    // Hugging Face: "fixed window";"api";q=500 -- the string before the policy's name is not valid syntax
    attempt(() => parseList(opaqueKeys(text.replaceAll(/"[^"\\]*"\s*;\s*(?=")/g, '')))) ??
    []
  ).filter(isItem)

/** Reads `RateLimit-Policy`: `"burst";q=100;w=60` since revision 08, `100;w=60;burst=1000` before. */
export const readPolicies = (text: string): readonly Policy[] => {
  const policies: Policy[] = []
  for (const [value, params] of items(text)) {
    const name = label(value)
    const quota = count(name === undefined ? value : params.get('q'))
    if (quota === undefined) continue
    const seconds = count(params.get('w') ?? params.get('window'))
    policies.push({
      name,
      pk: label(params.get('pk')),
      quota,
      windowMs: seconds ? seconds * 1000 : undefined,
      unit: label(params.get('qu')),
    })
  }
  return policies
}

/** Reads `RateLimit`: `"default";a=50;w=30` since revision 11, `"default";r=50;t=30` since 08, `limit=100, remaining=50, reset=5` in 07. */
export const readQuotas = (text: string): readonly Quota[] => {
  if (/^\s*limit\s*=|,\s*remaining\s*=/.test(text)) {
    const members = attempt(() => parseDictionary(text))
    const member = (key: string): number | undefined => {
      const item = members?.get(key)
      return isItem(item) ? count(item[0]) : undefined
    }
    const quota = { limit: member('limit'), remaining: member('remaining'), reset: member('reset') }
    return quota.remaining === undefined && quota.reset === undefined ? [] : [quota]
  }
  const quotas: Quota[] = []
  for (const [value, params] of items(text)) {
    const name = label(value)
    const remaining = count(params.get('r') ?? params.get('a'))
    const reset = count(params.get('t') ?? params.get('w'))
    if (name === undefined || (remaining === undefined && reset === undefined)) continue
    quotas.push({ name, pk: label(params.get('pk')), remaining, reset })
  }
  return quotas
}
