import type { Sink } from './outbox.ts'
import type { Alert } from './record.ts'
import { poster, type WebhookOptions } from './webhook.ts'

/** Limits of Block Kit: docs.slack.dev/reference/block-kit/blocks */
const HEADER_CHARS = 150
const TEXT_CHARS = 3000
const FIELD_CHARS = 2000

const TITLES: Readonly<Record<string, string>> = {
  billing: 'Payment required',
  'quota-exhausted': 'Quota used up',
  threshold: 'Credits run low',
  'error-rate': 'More errors than usual',
  hold: 'Calls are on hold',
}

const cut = (text: string, chars: number): string =>
  // Neither an escape nor a character may be cut in half.
  text.length > chars ? `${text.slice(0, chars - 1).replace(/&[a-z]*$/, '')}…`.toWellFormed() : text

/** As docs.slack.dev/messaging/formatting-message-text asks for. So nothing can mention a channel or make a link. */
const escaped = (text: string, chars: number): string =>
  cut(text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;'), chars)

interface Mrkdwn {
  readonly type: 'mrkdwn'
  readonly text: string
}

/** As much of the payload as is used here. */
interface SlackMessage {
  readonly text: string
  readonly blocks: (
    | { type: 'header'; text: { type: 'plain_text'; text: string; emoji: true } }
    | { type: 'section'; text: Mrkdwn }
    | { type: 'section'; fields: Mrkdwn[] }
    | { type: 'context'; elements: Mrkdwn[] }
  )[]
  readonly unfurl_links: false
  readonly unfurl_media: false
}

const mrkdwn = (text: string): Mrkdwn => ({ type: 'mrkdwn', text })

const field = (name: string, value: string): Mrkdwn =>
  mrkdwn(`*${name}*\n${escaped(value, FIELD_CHARS - name.length - 3)}`)

/** Slack shows the moment in the reader's own time zone. */
const moment = (iso: string): string => `<!date^${Math.floor(Date.parse(iso) / 1000)}^{date_short} {time_secs}|${iso}>`

/** The payload of an incoming webhook: docs.slack.dev/messaging/sending-messages-using-incoming-webhooks */
export const slackMessage = ({ id, condition, state, message, api, key, endpoint, since }: Alert): SlackMessage => {
  const title = TITLES[condition] ?? condition
  const head = state === 'firing' ? `🔴 ${title}` : `🟢 Resolved: ${title}`
  const fields = [field('API', api), mrkdwn(`*Since*\n${moment(since)}`)]
  if (endpoint !== undefined) fields.push(field('Endpoint', endpoint))
  if (key !== api) fields.push(field('Key', key))
  return {
    text: escaped(`${head}: ${message}`, TEXT_CHARS),
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: cut(head, HEADER_CHARS), emoji: true } },
      { type: 'section', text: mrkdwn(escaped(message, TEXT_CHARS)) },
      { type: 'section', fields },
      { type: 'context', elements: [mrkdwn(`${escaped(condition, FIELD_CHARS / 2)} · ${id}`)] },
    ],
    unfurl_links: false,
    unfurl_media: false,
  }
}

/**
 * Makes a sink for a Slack incoming webhook. Delivered as `webhook` delivers.
 *
 * @throws {TypeError | RangeError} if an argument makes no sense. No message shows the URL.
 * @example
 * alert({ to: slack(process.env.SLACK_WEBHOOK_URL) })
 */
export const slack = (url: string | URL, options: WebhookOptions = {}): Sink =>
  poster('slack', url, options, slackMessage)
