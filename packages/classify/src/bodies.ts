import { type Json, parseJson } from '@aplomb/limits'
import { type Facts, factsOf, LONGEST_MESSAGE, LONGEST_TEXT, PHRASES } from './facts.ts'

const unescape = (text: string): string =>
  text.replaceAll(
    /&(lt|gt|quot|apos|amp|#39);/g,
    (_, name: string) => ({ lt: '<', gt: '>', quot: '"', amp: '&' })[name] ?? "'",
  )

/** The leaves of an XML error (`<Code>`, `<Message>`, `<RequestId>`) as a record, first come, first served. */
const fromXml = (text: string): Json => {
  const leaves = [
    ...text.matchAll(
      /<(?:\w{1,20}:)?(code|message|requestid|hostid|faultstring|errorcode|type|reason|details?|retry[_-]?after\w{0,12})\b[^<>]{0,200}>([^<]{1,2000})</gi,
    ),
  ]
  const record = new Map<string, string>()
  for (const [, key = '', value = ''] of leaves.slice(0, 50))
    if (!record.has(key)) record.set(key, unescape(value.trim()))
  return Object.fromEntries(record)
}

/** What can be saved of JSON that was cut off or is broken: its plain members. */
const fromScraps = (text: string): Json => {
  const members = text.matchAll(
    /"(message|detail|title|code|type|status|error|error_code|errorCode|request_id|requestId|retry_after|reason|description)"\s{0,9}:\s{0,9}("(?:[^"\\]|\\.){0,4000}"|-?\d{1,15}\b)/g,
  )
  const record = new Map<string, unknown>()
  for (const [, key = '', value = ''] of [...members].slice(0, 50))
    if (!record.has(key)) record.set(key, parseJson(value))
  return Object.fromEntries(record)
}

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ')

/** A page of an error says what it has to say at its beginning. */
const LONGEST_PAGE = 16_384

/** What a reader of a page sees, without its title. */
const visibleText = (page: string): string => {
  let hidden = ''
  const texts: string[] = []
  for (const piece of page.slice(0, LONGEST_PAGE).split('<')) {
    const tag = /^\/?\w{1,10}/.exec(piece)?.[0].toLowerCase() ?? ''
    if (hidden !== '' && tag !== `/${hidden}`) continue
    hidden = /^(?:title|style|script)$/.test(tag) ? tag : ''
    if (hidden === '') texts.push(piece.slice(piece.indexOf('>') + 1))
  }
  return oneLine(unescape(texts.join(' '))).trim()
}

/** What a sentence on its own says. */
const fromText = (text: string): Facts => {
  const message = text.trim().slice(0, LONGEST_TEXT) || undefined
  return { message, codes: [], words: message === undefined || PHRASES.test(message) ? '' : message }
}

/** Where a page is read beyond its title: its status speaks of limits, and so its words may be believed. */
const PAGES: ReadonlySet<unknown> = new Set([429, 503])

/** The title, and below it what a page says. */
const fromPage = (page: string, status: number | undefined): Facts => {
  const title = fromText(oneLine(unescape(/<title[^>]{0,200}>([^<]{1,500})</i.exec(page)?.[1] ?? '')))
  if (!PAGES.has(status)) return title
  const below = visibleText(page).slice(0, LONGEST_MESSAGE)
  return { ...title, message: title.message ?? (below || undefined), words: `${title.words}\n${below}`.trim() }
}

/** What a body says, be it JSON (also broken, also under another content type), XML, HTML or plain text. */
export const readFacts = (text: string, status?: number): Facts => {
  const trimmed = text.trim()
  // JSON that says nothing is not a sentence.
  if (/^(?:null|true|false|-?\d[\d.]{0,30})?$/.test(trimmed)) return { codes: [], words: '' }
  if (/^[[{"]/.test(trimmed)) {
    const json = parseJson(trimmed)
    return factsOf(json === undefined ? fromScraps(trimmed) : json)
  }
  if (/<!doctype html|<html[\s>]/i.test(trimmed.slice(0, 1000))) return fromPage(trimmed, status)
  if (!trimmed.startsWith('<')) return fromText(trimmed)
  const xml = fromXml(trimmed)
  return Object.keys(xml).length > 0 ? factsOf(xml) : fromText(oneLine(trimmed.replaceAll(/<[^<>]{0,500}>/g, ' ')))
}
