import { describe, expect, it } from 'vitest'
import { originOf, redaction, type Redactor } from '../src/index.ts'

const URL_A = 'https://api.example.com/v1/things'
const redactorFor = (headers: Record<string, string> = {}): Redactor =>
  redaction()({ url: URL_A, headers: new Headers(headers) }, originOf(URL_A))

const each = (text: string, as: (code: string) => string): string =>
  Array.from(text, (one) => as(one.charCodeAt(0).toString(16).padStart(2, '0'))).join('')

describe('2. names are read as words', () => {
  it.each([
    'dbPassword=hunter22',
    'DB_PASSWORD=hunter22',
    'X-Client-Secret: hunter22',
    'apikey=hunter22',
    'sid=hunter22',
    'psk=hunter22',
    'codeVerifier=hunter22',
    '<Password type="text">hunter22</Password>',
    'curl --password hunter22',
    '[{"name":"x-api-key","value":"hunter22"}]',
    "ClientSecret => 'hunter22'",
    'Cookie: theme=dark; a=hunter22',
    'ann:hunter22@tcp(10.0.0.1:3306)/shop',
    'curl -u ann:hunter22 https://api.example.com',
    "curl -iu 'ann:hunter22'",
    'curl --proxy-user ann:hunter22 -i',
    'machine api.example.com login ann password hunter22',
    'my password hunter22 is wrong',
    "Login failed for user 'ann' with password 'hunter22'",
    'The password is hunter22.',
  ])('%s', (text) => {
    expect(redactorFor().text(text)).not.toContain('hunter22')
  })

  it.each([
    ['curl -uann:opensesame -i', 'curl -uann:[redacted] -i'],
    ["curl -u 'ann:open sesame' -i", "curl -u 'ann:[redacted]' -i"],
    ['sshpass -p opensesame ssh a@b', 'sshpass -p [redacted] ssh a@b'],
    ["sshpass -p 'must not be empty' ssh a@b", "sshpass -p '[redacted]' ssh a@b"],
    ["sshpass -p'open sesame' ssh a@b", "sshpass -p'[redacted]' ssh a@b"],
    ['mysql -u root -popensesame shop', 'mysql -u root -p[redacted] shop'],
    ['redis-cli -h c -a opensesame PING', 'redis-cli -h c -a [redacted] PING'],
    ['docker login -u ann -p opensesame r.example', 'docker login -u ann -p [redacted] r.example'],
    ['ldapsearch -D cn=a -w opensesame', 'ldapsearch -D cn=a -w [redacted]'],
    ['Server=db;Password=open sesame;Encrypt=true', 'Server=db;Password=[redacted];Encrypt=true'],
    ['<Password>open sesame</Password>', '<Password>[redacted]</Password>'],
    ['password opensesame is wrong', 'password [redacted] is wrong'],
    ["The password 'open sesame' was rejected", "The password '[redacted]' was rejected"],
    ['PIN 4711 is wrong', 'PIN [redacted] is wrong'],
  ])('%s', (text, shown) => {
    expect(redactorFor().text(text)).toBe(shown)
  })

  it.each([
    'token_type=bearer tokenCount=12 max_tokens: 4096',
    'cache_key=orders primaryKey=id idempotency-key=first',
    'author=Ann keyboard=qwerty monkey=patch compass=north secretary=Bob',
    'session_timeout=30m key_id=main password_min_length=8',
    '{"password":"This field is required."}',
    'tokens: input=1200 output=35. tokens: 1200/30000, tokens=900/min',
    'Your password must have 8 characters; password reset in 30m; password sha256 digest; password policy v2',
    'a password 8-characters long, password 30d old, npm --userconfig a:b -url:here -c key',
    'log in with a user name and password (error 18456)',
    'docker exec -u 1000:1000 web sh; rsync -u host:/srv/www .',
    'mysql -h db -P 3306 -p shop; psql -p 5432; mongo -p 27017',
    "The password provided is wrong. password 'must not be empty' -pass 1",
    'Access denied for user (using password: YES)',
  ])('%s', (text) => {
    expect(redactorFor().text(text)).toBe(text)
  })
})

describe('5. what any request of the call holds is known', () => {
  it('also one that a middleware has made', () => {
    const redactor = redactorFor()
    expect(redactor.text('no opensesame')).toBe('no opensesame')
    redactor.learn({ url: URL_A, headers: new Headers({ 'x-api-key': 'opensesame' }) })
    expect(redactor.text('no opensesame')).toBe('no [redacted]')
  })
})

describe('10. what others have cut is masked, too', () => {
  const key = 'aB3dE5gH7jK9mN1pQ3sT'

  it.each(Array.from(key, (_, i) => i + 1).filter((length) => length >= 4))('after %i characters', (length) => {
    const part = key.slice(0, length)
    expect(redactorFor({ 'x-api-key': key }).text(`The key ${part}`)).toBe('The key [redacted]')
    expect(redactorFor({ 'x-api-key': 'open sesame' }).text('The key open se')).toBe('The key [redacted]')
  })
})

describe('11. the spelling does not matter', () => {
  const secret = 'Open/Sesame 42'
  it.each([
    encodeURIComponent(secret),
    each(secret, (code) => `%${code}`),
    encodeURIComponent(each(secret, (code) => `%${code.toUpperCase()}`)),
    each(secret, (code) => `&#x${code};`),
    each(secret, (code) => `&amp;#${Number.parseInt(code, 16)};`),
    each(secret, (code) => String.raw`\u00${code}`),
    each(secret, (code) => String.raw`\\\u00${code}`),
    String.raw`Open\/Sesame\n42`,
    'OPEN/SESAME 42',
    'open/sesame\n\t42',
    'Open/Ses\u200bame 42',
  ])('%s', (spelled) => {
    expect(redactorFor({ 'x-api-key': secret }).text(`<${spelled}> &amp; "100%"`)).toBe('<[redacted]> &amp; "100%"')
  })
})

describe('12. every text is one line', () => {
  it.each([
    ['two\r\nlines', 'two lines'],
    ['\u001b[31mred\u001b[0m', ' red '],
    ['a\u0000b\u009bc', 'a b c'],
    ['user\u202egnp.exe', 'usergnp.exe'],
    ['a\u2028b', 'a b'],
  ])('%j', (text, shown) => {
    expect(redactorFor().text(text)).toBe(shown)
  })
})
