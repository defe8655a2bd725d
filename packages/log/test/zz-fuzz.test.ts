import fc from 'fast-check'
import { expect, test } from 'vitest'
import { respond } from '@aplomb/mock-api'
import { logged } from './helpers.ts'
const strings = (v: unknown): string[] => typeof v === 'string' ? [v] : v && typeof v === 'object' ? Object.entries(v).flatMap(([k, x]) => [k, ...strings(x)]) : []
const A='ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const tok = fc.string({ unit: fc.constantFrom(...A.split('')), minLength: 16, maxLength: 20 }).filter(s=>/\d.*\d/.test(s)&&/[a-z]/.test(s)&&new Set(s).size>9)
const printable = fc.string({ minLength: 6, maxLength: 30, unit: 'grapheme-ascii' }).filter((s) => s.trim() === s && s.replace(/[^a-z0-9]/gi,'').length >= 5)
const cases = fc.record({ secret: tok, p: printable, place: fc.constantFrom('query','header','path','auth','cookie','none'), echo: fc.constantFrom('msg','text','json','err','cause','hdr','code','name','objkey','basic') , status: fc.constantFrom(400,402,429,500,503,200)})
let misses = 0
const go = async (secret: string, place: string, echo: string, status: number) => {
  const err = (m: string, o?: ErrorOptions) => new TypeError(m, o)
  const answer = echo==='msg' ? { status, body: { message: `bad key ${secret} here` } } : echo==='text' ? { status, headers: {'content-type':'text/plain'}, body: `denied (${secret})` } : echo==='json' ? { status, body: { a: [{ b: secret, c: `x=${secret}&y` }] } } : echo==='err' ? err(`failed with ${secret}!`) : echo==='cause' ? err('fetch failed', { cause: Object.assign(err('inner ' + secret), { code: secret, name: secret }) }) : echo==='hdr' ? (/^[\x21-\x7e][\x20-\x7e]*$/.test(secret) ? { status, headers: { 'x-ratelimit-policy': secret, via: secret, 'content-language': secret } } : { status }) : echo==='code' ? { status, body: { error: { code: secret, type: secret, message: 'no' } } } : echo==='name' ? Object.assign(err('x'), { name: secret }) : echo==='objkey' ? { status, body: { error: { [secret]: 1, message: 'no' } } } : { status, body: { message: 'auth ' + btoa(`user:${secret}`) } }
  const { fetch, records } = logged(respond(answer as never))
  let url = 'https://api.example.com/v1/things'
  const headers: Record<string,string> = {}
  if (place==='query') url += '?zz=' + encodeURIComponent(secret)
  if (place==='path') url += '/' + encodeURIComponent(secret) + '/x'
  if (place==='header') headers['x-thing'] = secret
  if (place==='auth') headers['authorization'] = 'Bearer ' + secret
  if (place==='cookie') headers['cookie'] = 'a=b; s=' + secret
  await fetch(url, { headers }).catch(() => undefined)
  expect(records.length).toBe(2)
  const all = strings(records)
  return all.some((s) => s.includes(secret))
}
test('fuzz tokens', async () => {
  await fc.assert(fc.asyncProperty(cases, async ({ secret, place, echo, status }) => {
    if (await go(secret, place, echo, status)) { misses++; console.log('MISS', secret, place, echo, status) }
  }), { numRuns: 20000 })
}, 300000)
test('fuzz printable', async () => {
  const seen: Record<string, number> = {}
  await fc.assert(fc.asyncProperty(cases, async ({ p, place, echo, status }) => {
    if (place==='none' || place==='path') return
    if (await go(p, place, echo, status)) { seen[place+' '+echo] = (seen[place+' '+echo]??0)+1; if (Math.random()<.05) console.log('P', JSON.stringify(p), place, echo, status) }
  }), { numRuns: 10000 })
  console.log(seen)
}, 300000)
