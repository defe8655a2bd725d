import { describe, expect, it } from 'vitest'
import { isDrawn, isId, oddness } from '../src/words.ts'

describe('words, and what is drawn by lot', () => {
  it.each([
    'subway',
    'HTTPServer',
    'getUrl',
    'IDs',
    'API',
    'Word',
    'internationalisation',
    'SuperLongCamelCaseNameOfThings',
    '12345678901234567890',
    'v2',
    '4o',
    '70B',
    'TS2304',
    'AADSTS700016',
    '0x80070005',
    '20260115T120000Z',
    '12h34m16s',
    'oauth2Client',
    'Http2ServerError',
    'get-my_url.of/all',
    '',
  ])('%j is ordinary', (word) => {
    expect(oddness(word)).toBe(0)
    expect(isDrawn(word, 1)).toBe(false)
  })

  it.each([
    ['aBC', 3],
    ['xQZs', 4],
    ['WoRd', 4],
    ['getMyUrl', 8],
    ['abCdEfGh', 8],
    ['bookkkeeper', 11],
    ['qwxzvk', 6],
    ['internationalisationofall', 25],
    ['123456789012345678901', 21],
    ['the aBC of WoRd', 7],
    ['550e8400-e29b-41d4-a716-446655440000', 36],
  ])('%s is odd by %i', (word, odd) => {
    expect(oddness(word)).toBe(odd)
  })

  it('in mixed case fewer characters are enough, in all, than in one case in a row', () => {
    expect(isDrawn('aB3x-dE5f', 8)).toBe(true)
    expect(isDrawn('aB3x-dE5f', 9)).toBe(false)
    expect(isDrawn('a3b4x5d6', 4)).toBe(true)
    expect(isDrawn('a3b4-x5d6', 4)).toBe(false)
    expect(isDrawn('A3B4X5D6', 5)).toBe(false)
    expect(isDrawn('a3b4x5d6', 9, 8)).toBe(true)
    expect(isDrawn('a3b4x5d6', 9, 9)).toBe(false)
  })

  it('identifiers are known by their form, from end to end', () => {
    for (const id of [
      '550e8400-e29b-41d4-a716-446655440000',
      'req_a8Kd02Lqx1',
      'chatcmpl-a8Kd02Lqx1',
      'api.example.com',
    ]) {
      expect(isId(id)).toBe(true)
      expect(isId(`${id}/`)).toBe(false)
      expect(isId(`/${id}`)).toBe(false)
    }
  })
})
