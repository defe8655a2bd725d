import { carryVerdict } from '@aplomb/pipeline'

/** Has clones of a response judged as it was: ky hands them to its hooks. Returns the response. */
export const carrying = (response: Response): Response => {
  const { clone } = response
  if (typeof clone !== 'function') return response
  const value = (): Response => carrying(carryVerdict(response, clone.call(response)))
  // Somebody may have frozen it.
  Reflect.defineProperty(response, 'clone', { value, configurable: true, writable: true })
  return response
}
