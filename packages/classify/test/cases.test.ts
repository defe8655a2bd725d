import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { classifyResponse, rules } from '../src/index.ts'
import { type Case, expectedOf, fieldsOf, responseOf } from './support/cases.ts'

const casesIn = (file: string): readonly Case[] =>
  JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8')) as Case[]

const judge = async (one: Case): Promise<Record<string, unknown>> => {
  const receivedAt = Date.parse(one.receivedAt)
  return fieldsOf(await classifyResponse(responseOf(one), { receivedAt, rules: Object.values(rules) }), one)
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
