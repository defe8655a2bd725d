import { platforms, suspects, walls } from '@aplomb/limits/vendors'
import type { Answer, Decision, Head } from './types.ts'

/** Headers that only somebody in front of the API sends. */
export const FOREIGN: readonly string[] = [...walls, ...platforms, ...suspects]

const isAmong = (names: readonly string[], name: string | undefined): name is string =>
  name !== undefined && names.includes(name)

const isPage = ({ text }: Answer): boolean => /<!doctype html|<html[\s>]/i.test(text.slice(0, 1000))

/** What is in the page of a challenge alone: its scripts, and what it is called. */
const WALL =
  /_Incapsula_Resource|Incapsula incident|captcha-delivery\.com|px-captcha|sgcaptcha|acw_sc__v2|<title>[^<]{0,80}(?:(?:just a|one) moment|attention required|security checkpoint|checking your browser|verify(?:ing)? (?:that )?you|are you (?:a )?(?:human|robot)|not a (?:ro)?bot|pardon our interruption|human verification|captcha|ddos[- ](?:protection|guard)|this page has been denied)/i

const isHtml = ({ header }: Head): boolean => /\bhtml\b/i.test(header('content-type') ?? '')

/** What a page says that is a wall's. */
export const wallIn = (page: string): string | undefined => WALL.exec(page.slice(0, 8192))?.[0]

/** Whether an answer that claims success has to be looked at: a page, where the wall answers with 200. */
export const isSuspect = (head: Head): boolean => isAmong(suspects, head.foreign) && isHtml(head)

/** A challenge for a browser, in place of an answer of the API's. */
export const challenge = (answer: Answer): Decision | undefined => {
  const { foreign, header, text } = answer
  if (isAmong(walls, foreign)) {
    const said = header(foreign)
    // What a wall lets pass, or only logs, is the API's.
    if (!/^(?:allow|count|log)/i.test(said ?? ''))
      return { kind: 'forbidden', sign: `${foreign} ${said}`, retryable: false }
  }
  // ngrok's warning, which a click dismisses, comes with 200.
  if (isAmong(platforms, foreign) && answer.status < 400 && isHtml(answer))
    return { kind: 'forbidden', sign: `${foreign} ${header(foreign)}`, retryable: false }
  const wall = isPage(answer) ? wallIn(text) : undefined
  return wall === undefined ? undefined : { kind: 'forbidden', sign: `a page says "${wall}"`, retryable: false }
}

/** What gateways say in JSON of a route or an application that they do not know. */
const NO_ROUTE =
  /no route matched|route not found|unable to identify proxy|^(?:application|requested function was) not found|^method does not exist|no healthy upstream|default backend|deployment (?:could )?not (?:be )?found/i

/**
 * Whether the API itself has answered: in JSON, or without a body; not a proxy's, platform's or storage's page. A body that was not
 * read `whole` is judged by what it calls itself.
 */
export const isApis = ({ foreign, header, text, message }: Answer, whole: boolean): boolean => {
  if (foreign !== undefined && !suspects.includes(foreign)) return false
  if (NO_ROUTE.test(message ?? '')) return false
  const type = header('content-type')
  if (text.trim() !== '') return /^\s*(?:[[{"]|null\b|true\b|false\b)/.test(text)
  if (whole) return true
  return type === undefined || /\bjson\b/i.test(type) || header('content-length') === '0'
}
