import { describe, expect, it } from 'vitest'
import { cases, leaks } from '../src/redaction/check.ts'
import { HARMLESS } from '../src/redaction/harmless.ts'
import { CARRIED, TOLD } from '../src/redaction/places.ts'
import { SECRETS } from '../src/redaction/secrets.ts'
import { SPELLINGS } from '../src/redaction/spellings.ts'
import { HARMLESS_SPEECH, TOLD_SECRETS } from '../src/redaction/speech.ts'
import { changed, cutLeaks, toldLeaks } from '../src/redaction/texts.ts'

/** Prime to the numbers of kinds, places and spellings: a few of each come by. `DEEP=1` takes all. */
const STRIDE = process.env['DEEP'] ? 1 : 23

describe('what is written down', () => {
  it('is 200 harmless strings, 40 kinds of secrets, 12 places and 15 spellings', () => {
    const lists: readonly (readonly unknown[])[] = [
      HARMLESS,
      SECRETS,
      Object.keys({ ...CARRIED, ...TOLD }),
      Object.keys(SPELLINGS),
    ]
    expect(lists.map((one) => new Set(one).size)).toEqual([200, 40, 12, 15])
  })

  it('of harmless strings stays as it is, but for a value in a URL and an id that nothing tells from a key', () => {
    expect(changed()).toHaveLength(2)
  })

  it('of what speaks of passwords, or is a command line, stays as it is', () => {
    expect(HARMLESS_SPEECH).toHaveLength(60)
    expect(changed(HARMLESS_SPEECH)).toEqual([])
  })

  it('has no secret that is spoken of, on a command line or in a setting, but where nothing tells it from other words', () => {
    expect(TOLD_SECRETS).toHaveLength(60)
    expect(toldLeaks()).toEqual([
      'http -a ann:letmein https://api.example.com/v1/orders',
      'smbclient //nas/share -U ann%letmein',
      'Login failed: user ann, password letmein',
      'wrong password letmein for ann@example.com',
      'invalid password (letmein)',
      'authentication with password letmein failed',
      'credentials ann:letmein were rejected',
      'api key letmein is unknown',
    ])
  })

  it('has nothing of a secret: no record, alert, span, metric, event or error', async () => {
    expect(await leaks(cases().filter((_, i) => i % STRIDE === 0))).toEqual([])
  }, 240_000)

  it('nor of one that was cut, after whichever character', () => {
    expect(cutLeaks()).toEqual([])
  })
})
