import { redaction } from '@aplomb/redact'
import { HARMLESS } from './harmless.ts'
import { leakIn } from './leak.ts'
import { CARRIED, TOLD } from './places.ts'
import { SECRETS } from './secrets.ts'
import { type Told, TOLD_SECRETS } from './speech.ts'

const redactorFor = redaction()

const textOf = (): ((text: string) => string) => {
  const headers = new Headers({ authorization: 'Bearer q7Zk2Wm9Xv4Rt1Yp5Ln8Bc3Fh6Jd0Gs', accept: 'application/json' })
  return redactorFor({ url: 'https://api.example.com/v1/orders?page=2', headers }, 'https://api.example.com').text
}

/** The harmless strings of which something was masked, with what came of them. */
export const changed = (harmless: readonly string[] = HARMLESS): readonly string[] => {
  const text = textOf()
  return harmless.filter((one) => text(one) !== one).map((one) => `${one} -> ${text(one)}`)
}

/** The texts that still show a word of the secret they give away. */
export const toldLeaks = (): readonly string[] => {
  const text = textOf()
  const isShown = ({ text: told, secret }: Told): boolean => {
    const shown = new Set(text(told).split(/[^A-Za-z\d]+/))
    return secret.split(/[^A-Za-z\d]+/).some((word) => shown.has(word))
  }
  return TOLD_SECRETS.filter(isShown).map(({ text: told }) => told)
}

/** Texts that end after each character of a secret. */
export const cutLeaks = (): readonly string[] =>
  SECRETS.flatMap((secret) =>
    Object.entries({ ...CARRIED, ...TOLD }).flatMap(([where, place]) =>
      Array.from(secret.value, (_, i) => {
        const part = secret.value.slice(0, i + 1)
        const { url, headers, added, said } = place(secret, part)
        const request = { url, headers: new Headers({ ...headers, ...added }) }
        const shown = redactorFor(request, 'https://api.example.com').text(said.slice(0, said.indexOf(part) + i + 1))
        const leak = leakIn(shown, secret.core)
        return leak === undefined ? [] : [`${secret.kind}, ${where}: "${leak}" in ${shown}`]
      }).flat(),
    ),
  )
