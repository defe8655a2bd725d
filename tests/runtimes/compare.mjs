import { isDeepStrictEqual } from 'node:util'

const isObject = (value) => typeof value === 'object' && value !== null

const show = (value) => (value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 160))

/** Where two JSON values differ, as sentences. */
export const differences = (wanted, got, path = '') => {
  if (isDeepStrictEqual(wanted, got)) return []
  if (isObject(wanted) && isObject(got)) {
    const names = new Set([...Object.keys(wanted), ...Object.keys(got)])
    return [...names].flatMap((name) => differences(wanted[name], got[name], path === '' ? name : `${path}.${name}`))
  }
  return [`${path}: ${show(got)} instead of ${show(wanted)}`]
}
