import { describe, expect, it } from 'vitest'
import { folded, readingOf } from '../src/reading.ts'

describe('a text as it reads', () => {
  it.each([
    ['plain', 'plain', []],
    ['x%f0%9f%98%80y', 'x😀y', [0, 1, 1, 13, 14]],
    ['&#x41;&amp;lt;\\u0042', 'A<B', [0, 6, 14, 20]],
    ['a&nbsp;b&bogus;c', 'a b c', [0, 1, 7, 8, 15, 16]],
    ['a&#1114112;b&#1114111;', 'a b\u{10ffff}', [0, 1, 11, 12, 12, 22]],
    ['a\\x42\\n\u200bc', 'aB c', [0, 1, 5, 8, 9]],
    // Overlong: no text.
    ['a%c0%80b%41c', 'a%c0%80bAc', [0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12]],
  ])('%j reads %j', (original, text, at) => {
    expect(readingOf(original)).toEqual({ text, at })
  })

  it('six escapes of escapes deep', () => {
    expect(readingOf('%252525252541').text).toBe('A')
    expect(readingOf('%25252525252541').text).toBe('%41')
  })

  it.each([
    ['A-b 9', 'ab9', [0, 2, 4]],
    // What has two letters in lower case has no place.
    ['İx-É9', 'xé9', [1, 3, 4]],
  ])('%j has the letters %j', (text, letters, at) => {
    expect(folded(text)).toEqual({ text: letters, at })
  })
})
