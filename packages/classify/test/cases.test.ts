import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { classifyResponse, rules } from '../src/index.ts'
import { type Case, expectedOf, fieldsOf, responseOf } from './support/cases.ts'

const casesIn = (file: string): readonly Case[] =>
  JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8')) as Case[]

const judge = async (one: Case): Promise<Record<string, unknown>> => {
  const receivedAt = Date.parse(one.receivedAt)
  const request = one.url === undefined ? undefined : { url: one.url }
  return fieldsOf(await classifyResponse(responseOf(one), { receivedAt, request, rules: Object.values(rules) }), one)
}

describe('every documented response is read right, field by field', () => {
  it.each(casesIn('./limit-responses.json'))('$api: $case', async (one) => {
    expect(await judge(one)).toEqual(expectedOf(one))
  })
})

describe('typical answers of the other APIs, made from the names and wordings that they document', () => {
  it.each(casesIn('./catalogue.json'))('$api: $case', async (one) => {
    expect(await judge(one)).toEqual(expectedOf(one))
  })
})

describe('answers that show what is known of a vendor, or of a wording', () => {
  it.each(casesIn('./witnesses.json'))('$api: $case', async (one) => {
    expect(await judge(one)).toEqual(expectedOf(one))
  })
})
