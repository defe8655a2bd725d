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

/** What may stand for a bare item of RFC 9651: display strings, strings, numbers, tokens, byte sequences, booleans, dates. */
const BARE = String.raw`%?"(?:[ !#-[\]-~]|\\["\\])*"|-?(?:\d{1,12}\.\d{1,3}|\d{1,15})|[a-zA-Z*][\w!#$%&'*+.^|~:/\x60-]*|:[\w+/=-]*:|\?[01]|@-?\d{1,15}`
const KEY = String.raw`[a-z*][a-z\d_.*-]*`
const PARAMETER = `; *(?<name>${KEY})(?:=(?<given>${BARE}))?`
/** A member of a list, or of a dictionary, with the comma before it. No revision has inner lists. */
const MEMBER = new RegExp(
  String.raw`[ \t]*,[ \t]*(?:(?<key>${KEY})=)?(?<value>${BARE})(?<params>(?:${PARAMETER})*)`,
  'gy',
)
const PARAMETERS = new RegExp(PARAMETER, 'g')

interface Member {
  readonly key?: string | undefined
  /** As it was sent. */
  readonly value: string
  readonly params: ReadonlyMap<string, string | undefined>
}

/** The members of a structured field (RFC 9651): of a list, or of a dictionary. Of one that is malformed, none. */
export const membersOf = (text: string, isDictionary: boolean): readonly Member[] => {
  const found = [...`,${text}`.matchAll(MEMBER)]
  const length = found.reduce((sum, [member]) => sum + member.length, 0)
  if (length <= text.length || found.some(({ groups }) => isDictionary !== (groups!['key'] !== undefined))) return []
  return found.map(({ groups }) => {
    const { key, value = '', params = '' } = groups as Partial<Record<string, string>>
    const parameters = Array.from(
      params.matchAll(PARAMETERS),
      (one) => [one.groups!['name']!, one.groups!['given']] as const,
    )
    return { key, value, params: new Map(parameters) }
  })
}

const count = (value: string | undefined): number | undefined =>
  value !== undefined && /^\d/.test(value) ? Number(value) : undefined

const label = (value = ''): string | undefined => {
  if (value.startsWith('"')) return value.slice(1, -1).replaceAll(/\\(.)/g, '$1')
  return /^[a-z*]/i.test(value) ? value : undefined
}

const items = (text: string): readonly Member[] => {
  const members = membersOf(text, false)
  if (members.length > 0) return members
  // Hugging Face: "fixed window";"api";q=500 -- the string before the policy's name is not valid syntax
  return membersOf(text.replaceAll(/"[^"\\]*"\s*;\s*(?=")/g, ''), false)
}

/** Reads `RateLimit-Policy`: `"burst";q=100;w=60` since revision 08, `100;w=60;burst=1000` before. */
export const readPolicies = (text: string): readonly Policy[] => {
  const policies: Policy[] = []
  for (const { value, params } of items(text)) {
    const name = label(value)
    const quota = count(name === undefined ? value : params.get('q'))
    if (quota === undefined) continue
    const seconds = count(params.get('w') ?? params.get('window'))
    policies.push({
      name,
      pk: params.get('pk'),
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
    const members = membersOf(text, true)
    const member = (key: string): number | undefined => count(members.findLast((one) => one.key === key)?.value)
    const quota = { limit: member('limit'), remaining: member('remaining'), reset: member('reset') }
    return quota.remaining === undefined && quota.reset === undefined ? [] : [quota]
  }
  const quotas: Quota[] = []
  for (const { value, params } of items(text)) {
    const name = label(value)
    const remaining = count(params.get('r') ?? params.get('a'))
    const reset = count(params.get('t') ?? params.get('w'))
    if (name === undefined || (remaining === undefined && reset === undefined)) continue
    quotas.push({ name, pk: params.get('pk'), remaining, reset })
  }
  return quotas
}
