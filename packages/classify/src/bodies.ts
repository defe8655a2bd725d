import { type Json, parseJson } from '@aplomb/limits'
import { type Facts, factsOf, LONGEST_MESSAGE, LONGEST_TEXT, PHRASES, unescape } from './facts.ts'

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

const withoutTags = (text: string): string => oneLine(text.replaceAll(/<[^<>]{0,500}>/g, ' '))

/** A page of an error says what it has to say at its beginning. */
const LONGEST_PAGE = 16_384
const UNSEEN = /<(title|style|script)\b[^]*?(?:<\/\1\s*>|$)/gi

/** What a sentence on its own says. */
const fromText = (text: string): Facts => {
  const message = text.trim().slice(0, LONGEST_TEXT) || undefined
  return { message, codes: [], words: message === undefined || PHRASES.test(message) ? '' : message }
}

/** Where a page is read beyond its title: its status speaks of limits, and so its words may be believed. */
const PAGES: ReadonlySet<unknown> = new Set([429, 503])

/** The title, and below it what a page says. */
const fromPage = (page: string, status: number | undefined): Facts => {
  const { message, words } = fromText(oneLine(unescape(/<title[^>]{0,200}>([^<]{1,500})</i.exec(page)?.[1] ?? '')))
  const body = PAGES.has(status) ? page.slice(0, LONGEST_PAGE).replaceAll(UNSEEN, ' ') : ''
  const below = unescape(withoutTags(body)).trim().slice(0, LONGEST_MESSAGE)
  return { message: message ?? (below || undefined), codes: [], words: `${words}\n${below}`.trim() }
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
  // A sentence, JSON in a sentence, JSONP, or an event of a stream.
  if (!trimmed.startsWith('<')) return /[{[]/.test(trimmed) ? factsOf(trimmed) : fromText(trimmed)
  const xml = fromXml(trimmed)
  return Object.keys(xml).length > 0 ? factsOf(xml) : fromText(withoutTags(trimmed))
}
