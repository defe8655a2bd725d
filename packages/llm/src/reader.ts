import { createParser } from 'eventsource-parser'
import type { Sink } from './tap.ts'
import { type Fields, newScanner, type Usage, readUsage, usageOf } from './usage.ts'

/** An event is held back until it is whole; beyond, what the body says is not looked for. */
const MAX_EVENT_CHARS = 4 * 1024 * 1024

/** What may hold a usage: JSON, lines of it, events, and Amazon's frames around it. */
const READABLE =
  /^(?:text\/event-stream|application\/(?:[\w.-]+\+)?(?:x-)?(?:nd)?json(?:l|lines)?|application\/vnd\.amazon\.eventstream)\b/i
const EVENTS = /^text\/event-stream\b/i

export const isReadable = (contentType: string): boolean => READABLE.test(contentType)

/** At its beginning a message of Anthropic's has no output yet. */
const withoutOutput = (usage: Fields): Fields => ({ ...usage, output_tokens: undefined })

/** Finds the usage in a body of that type, and tells it, or that there was none, once there is nothing more to come. */
export const newReader = (contentType: string, found: (usage: Usage | undefined) => void): Sink => {
  let usage: Fields | undefined
  let starting = false
  const take = (more: Fields): void => {
    const known = Object.entries(starting ? withoutOutput(more) : more).filter(([, value]) => value != null)
    usage = { ...usage, ...Object.fromEntries(known) }
  }
  const decoder = new TextDecoder()
  const text = newText(contentType, take, (first) => {
    starting = first
  })
  let fed = false
  let ended = false
  const end = (): void => {
    if (ended) return
    ended = true
    found(usage && readUsage(usage))
  }
  return {
    chunk: (bytes) => {
      fed = true
      text(decoder.decode(bytes, { stream: true }))
    },
    whole: (body) => {
      if (fed) return end()
      if (typeof body === 'string') text(body)
      else if (body instanceof ArrayBuffer || body instanceof Uint8Array) text(decoder.decode(body))
      else take(usageOf(body) ?? {})
      end()
    },
    end,
  }
}

const newText = (
  contentType: string,
  take: (usage: Fields) => void,
  starts: (first: boolean) => void,
): ((text: string) => void) => {
  if (!EVENTS.test(contentType)) return newScanner(take).feed
  let lost = false
  const parser = createParser({
    maxBufferSize: MAX_EVENT_CHARS,
    onEvent: ({ data }) => {
      if (!data.includes('"usage')) return
      starts(data.includes('"message_start"'))
      newScanner(take).feed(data)
    },
    onError: ({ type }) => {
      lost ||= type === 'max-buffer-size-exceeded'
    },
  })
  return (text) => {
    if (!lost) parser.feed(text)
  }
}
