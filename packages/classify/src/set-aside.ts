import { discard } from '@aplomb/pipeline'
import { peekedWhole } from './classify.ts'

/**
 * Frees the connection of a response whose request may be sent again, while the call waits for that. Returns the
 * response if it can still be read, for a wait that comes to nothing: its body was read whole already.
 */
export const setAside = (response: Response): Response | undefined => {
  if (peekedWhole(response)) return response
  discard(response)
  return undefined
}
