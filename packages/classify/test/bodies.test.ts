import { describe, expect, it } from 'vitest'
import { readFacts } from '../src/bodies.ts'

describe('what a body says, in whatever form', () => {
  it.each([
    ['', { codes: [], words: '' }],
    ['null', { codes: [], words: '' }],
    ['42', { codes: [], words: '' }],
    ['Please slow down', { message: 'Please slow down', codes: [], words: 'Please slow down' }],
    ['Too Many Requests', { message: 'Too Many Requests', words: '' }],
    ['{"code":"slow_down","message":"Please slow down"}', { codes: ['slow_down'], message: 'Please slow down' }],
    // Cut off in the middle.
    [
      '{"code":"slow_down","message":"Please slow down","data":[',
      { codes: ['slow_down'], message: 'Please slow down' },
    ],
    ['{"retry_after":7,"code":"a_b","code":"c_d","x', { codes: ['a_b'], json: { retry_after: 7, code: 'a_b' } }],
    ['Failed: {"code":"slow_down"} in all', { codes: ['slow_down'] }],
    ["Failed: {'code': 'slow_down', 'more': None}", { codes: ['slow_down'] }],
    ['Failed: } then {', { codes: [], message: 'Failed: } then {' }],
    [
      '<Error xmlns="x"><Code class="c">SlowDown</Code><Message> A &amp; B </Message><Code>Other</Code></Error>',
      { codes: ['SlowDown'], message: 'A & B' },
    ],
    ['<x:fault><x:faultstring>Too busy now</x:faultstring></x:fault>', { message: 'Too busy now' }],
    ['<p>Please <b>slow</b>\n down</p>', { message: 'Please slow down' }],
  ])('%j', (text, facts) => {
    expect(readFacts(text)).toMatchObject(facts)
    expect(readFacts(` ${text}\n`)).toMatchObject(facts)
  })

  it('of a page the title; and where the status speaks of limits, what stands below it', () => {
    const page =
      '<!doctype html><title>Slow &amp; steady</title><style>p{}</style><script>var x</script><p>Please\n slow <b>down</b></p>'
    expect(readFacts(page, 500)).toEqual({ message: 'Slow & steady', codes: [], words: 'Slow & steady' })
    expect(readFacts(page, 429)).toEqual({
      message: 'Slow & steady',
      codes: [],
      words: 'Slow & steady\nPlease slow down',
    })
    expect(readFacts('<html><p>Please slow down</p>', 503)).toEqual({
      message: 'Please slow down',
      codes: [],
      words: 'Please slow down',
    })
  })
})

describe('what is in JSON', () => {
  it.each([
    [{ request_id: 'a' }, { requestId: 'a' }],
    [{ request_id: 7 }, { requestId: '7' }],
    [{ request_id: true }, { requestId: undefined }],
    [{ request_id: 'a'.repeat(200) }, { requestId: 'a'.repeat(200) }],
    [{ request_id: 'a'.repeat(201) }, { requestId: undefined }],
    [{ error: { code: 10_020, message: 'Please wait' } }, { codes: ['10020'], message: 'Please wait' }],
    [{ error: { code: 429 } }, { codes: [] }],
    [{ code: 'Locked' }, { codes: [] }],
    [{ code: 'LOCKED' }, { codes: ['LOCKED'] }],
    [{ type: 'https://example.com/probs/out-of-credit/' }, { codes: ['out-of-credit'] }],
    [['error', 10_020, 'symbol: invalid'], { message: 'symbol: invalid' }],
    [{ email: ['This field is required.'] }, { message: 'This field is required.' }],
    [{ message: '{"message":"Please wait"}' }, { message: 'Please wait' }],
    [{ message: 'One thing', detail: 'Another thing' }, { words: 'One thing\nAnother thing' }],
    [{ message: 'One thing', detail: 'One thing' }, { words: 'One thing' }],
  ])('%j', (json, facts) => {
    expect(readFacts(JSON.stringify(json))).toMatchObject(facts)
  })
})
