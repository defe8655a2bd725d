import { describe, expect, it } from 'vitest'
import { findPairs, isSpeech } from '../src/pairs.ts'

const valuesIn = (text: string): string[] => {
  const values: string[] = []
  findPairs(text, (from, to) => values.push(text.slice(from, to)))
  return values
}

describe('the value of a name that is given to secrets', () => {
  it.each([
    ['password=missing', ['missing']],
    ['password=open-sesame, other=blue; token: x9', ['open-sesame', 'x9']],
    ['api_key="abc" v2beta3', ['"abc"']],
    ['api_key=ab12 cd34 then words', ['ab12 cd34']],
    ['api_key=ab12 cd34 ef56', ['ab12 cd34 ef56']],
    ['"name": "api_key", "value": "blue"', ['"blue"']],
    ['name="api_key"\n\nblue', ['blue']],
    ['<password>open sesame</password>', ['open sesame']],
    ['--api-key blue', ['blue']],
    ['authorization: Digest a="b", c', ['Digest a="b", c']],
    ['Server=a; Password=open sesame; Database=b', ['open sesame']],
    ['{"a": "{\\"api_key\\": \\"blue\\"}"}', ['\\"blue\\"']],
    ['passwords=["a", "b"] c', ['["a", "b"]']],
    ['colour=blue', []],
  ])('%j: %j', (text, values) => {
    expect(valuesIn(text)).toEqual(values)
  })
})

describe('what is said of a secret is none', () => {
  it.each([
    ['password', ': ', '[ "This field is required." ]'],
    ['password', ': ', 'required'],
    ['password', '=', 'is missing'],
    ['password', '=', 'null'],
    ['password', '=', '"***"'],
    ['token', '=', '3'],
    ['tokens', '=', '4096'],
    ['max_tokens', '=', 'input=12'],
    ['tokens', ': ', '12/min.'],
    ['session', '=', '30m'],
    ['webhook', ': ', 'blue'],
  ])('%s%s%s', (name, is, value) => {
    expect(isSpeech(name, is, value)).toBe(true)
  })

  it.each([
    ['password', '=', 'missing'],
    ['password', ': ', '"missing"'],
    ['password', ': ', 'blue'],
    ['password', '=', '12345'],
    ['pin', '=', '30m'],
    ['key', '=', 'blue'],
    ['password', ': ', 'missing a8Kd02Lqx1'],
    ['password', ': ', 'is_missing'],
    ['token', '=', '33x'],
  ])('but %s%s%s may be one', (name, is, value) => {
    expect(isSpeech(name, is, value)).toBe(false)
  })
})
