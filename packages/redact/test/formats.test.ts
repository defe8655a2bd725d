import { describe, expect, test } from 'vitest'
import { redaction } from '../src/index.ts'
import { findFormats, FORMATS } from '../src/formats.ts'
import { letters, SAMPLES } from './samples.ts'

const redactor = redaction()({ url: 'https://api.example.com/', headers: new Headers() }, 'https://api.example.com')

describe('1. keys of known forms are masked in any text', () => {
  test('of some eighty issuers; and no form is without a sample', () => {
    expect(Object.keys(SAMPLES).length).toBeGreaterThan(70)
    const samples = Object.values(SAMPLES).flat()
    for (const form of FORMATS)
      expect(
        samples.some((one) => new RegExp(`^(?:${form})$`).test(one)),
        form,
      ).toBe(true)
  })

  test.each(Object.entries(SAMPLES))('%s', (_, samples) => {
    for (const sample of samples) {
      for (const text of [
        `Invalid key ${sample}, see docs`,
        `{"k":"${sample}"}`,
        `(${sample})`,
        sample,
        `a=${sample}&b=2`,
      ]) {
        // By its form alone, without the help of what else is looked for.
        const found: string[] = []
        findFormats(text, (from, to) => found.push(text.slice(from, to)))
        expect(found.join()).toContain(sample.slice(-12))
        expect(redactor.text(text)).toContain('[redacted]')
        expect(redactor.text(text)).not.toContain(sample.slice(-12))
      }
    }
  })

  test('private keys, and what follows a scheme', () => {
    const pem = ['-----BEGIN RSA PRIVATE KEY-----', letters(60), '-----END RSA PRIVATE KEY-----'].join('\n')
    expect(redactor.text(`x ${pem} y`)).toBe('x [redacted] y')
    expect(redactor.text('sent Bearer abc-123, then Basic YTpi1=')).toBe(
      'sent Bearer [redacted], then Basic [redacted]',
    )
    expect(redactor.text('no bearer plan-bx')).toBe('no bearer [redacted]')
  })

  test('the beginning of one, where the text was cut, and nowhere else', () => {
    expect(redactor.text('Invalid key sk-abcd')).toBe('Invalid key [redacted]')
    expect(redactor.text('The key sk-abcd is short')).toBe('The key sk-abcd is short')
  })
})

describe('2. values of names that are given to secrets are masked, in any notation', () => {
  test.each([
    ['{"password":"open sesame","page":2}', '{"password":[redacted],"page":2}'],
    ['{\\"api_key\\":\\"opensesame\\"}', '{\\"api_key\\":[redacted]}'],
    ['grant_type=refresh&client_secret=opensesame', 'grant_type=refresh&client_secret=[redacted]'],
    ["session_token: 'opensesame'; path=/", 'session_token: [redacted]; path=/'],
    ['db_pass=opensesame', 'db_pass=[redacted]'],
    ['{"passcode":"opensesame"}', '{"passcode":[redacted]}'],
    ['{"otp":"123456","tokens":"123456"}', '{"otp":[redacted],"tokens":"123456"}'],
    ['{"message":"denied for password=opensesame"}', '{"message":"denied for password=[redacted]"}'],
    ['{"sent":"{\\"pwd\\":\\"open\\\\\\"sesame\\",\\"a\\":1}"}', '{"sent":"{\\"pwd\\":[redacted],\\"a\\":1}"}'],
    ['user=ann;login=token=opensesame', 'user=ann;login=token=[redacted]'],
  ])('%s', (text, masked) => {
    expect(redactor.text(text)).toBe(masked)
  })
})

describe('3. what people write is left alone', () => {
  test.each([
    'Rate limit reached for gpt-4o-mini-2024-07-18 in organization acme on requests per min (RPM): Limit 3, Used 3',
    'Please slow down. Allowed Maximum concurrent request limit has been reached.',
    '429, x-concurrent-threads-active 3 of 3',
    'InsufficientCreditsError: RESOURCE_EXHAUSTED at 2026-11-22T12:00:00.000Z, try again in 6m0s',
    'getaddrinfo ENOTFOUND api.example.com; UND_ERR_CONNECT_TIMEOUT after 10000 ms',
    'No record for 192.168.10.20 and 2001:db8::1 at https://api.example.com/v1/lookup/8.8.8.8?page=2',
    'max_tokens: 4096, tokens=12, API key: not found, session: expired',
    'Bearer authentication required',
    'A superbearer plan-bx, bearers plan-bx',
    'Your basic plan-b has 10 requests. The digest sha256:abc is wrong. A token plan-b-42 is none.',
    'The vulnerability is technically an internationalization problem',
    '3 passengers passed the compass: pass=true, passed=12',
  ])('%s', (text) => {
    expect(redactor.text(text)).toBe(text)
  })
})
