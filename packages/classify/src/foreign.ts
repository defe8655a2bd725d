import type { Answer, Decision, Head } from './types.ts'

/** A wall in front of the API that no repetition passes. */
const WALLS = ['cf-mitigated', 'x-vercel-mitigated', 'x-amzn-waf-action', 'cf-chl-bypass', 'x-sucuri-block']
/** A platform that has no such API, or none that runs. */
const PLATFORMS = ['ngrok-error-code', 'x-vercel-error', 'x-railway-fallback', 'x-render-routing']
/** Imperva stands in front, whoever has answered. */
const SUSPECT = 'x-iinfo'

/** Headers that only somebody in front of the API sends. */
export const FOREIGN: readonly string[] = [...WALLS, ...PLATFORMS, SUSPECT]

const isPage = ({ header, text }: Answer): boolean =>
  /<!doctype html|<html[\s>]/i.test(text.slice(0, 1000)) ||
  (text === '' && /\bhtml\b/i.test(header('content-type') ?? ''))

const WALL =
  /_Incapsula_Resource|Incapsula incident|<title>[^<]{0,80}(?:just a moment|attention required|security checkpoint|checking your browser|verify(?:ing)? (?:that )?you|are you (?:a )?(?:human|robot)|pardon our interruption|human verification|captcha|ddos protection)/i

/** Whether an answer that claims success has to be looked at: a page, where the wall answers with 200. */
export const isSuspect = ({ foreign, header }: Head): boolean =>
  foreign === SUSPECT && /\bhtml\b/i.test(header('content-type') ?? '')

/** A challenge for a browser, in place of an answer of the API's. */
export const challenge = (answer: Answer): Decision | undefined => {
  const { foreign, header, text } = answer
  if (foreign !== undefined && WALLS.includes(foreign)) {
    const said = header(foreign)
    // What a wall lets pass, or only logs, is the API's.
    if (!/^(?:allow|count|log)/i.test(said ?? ''))
      return { kind: 'forbidden', sign: `${foreign} ${said}`, retryable: false }
  }
  const wall = isPage(answer) ? WALL.exec(text.slice(0, 8192))?.[0] : undefined
  return wall === undefined ? undefined : { kind: 'forbidden', sign: `a page says "${wall}"`, retryable: false }
}

/** What gateways say in JSON of a route or an application that they do not know. */
const NO_ROUTE =
  /no route matched|^application not found|no healthy upstream|default backend|deployment (?:could )?not (?:be )?found/i

/** Whether the API itself has answered: in JSON, or without a body; not a proxy's, platform's or storage's page. */
export const isApis = ({ foreign, header, text, message }: Answer): boolean => {
  if (foreign !== undefined && foreign !== SUSPECT) return false
  if (NO_ROUTE.test(message ?? '')) return false
  const type = header('content-type')
  if (text.trim() !== '') return /^\s*(?:[[{"]|null\b|true\b|false\b)/.test(text)
  // Not read, or nothing there.
  return type === undefined || /\bjson\b/i.test(type) || header('content-length') === '0'
}
