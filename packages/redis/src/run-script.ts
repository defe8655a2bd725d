import type { Commands } from './clients.ts'

export const sha1 = async (text: string): Promise<string> => {
  const digest = await globalThis.crypto.subtle.digest('SHA-1', new TextEncoder().encode(text))
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** A script on one key, sent in full only where the server does not know it yet. */
export const newScript = (
  command: Commands['command'],
  source: string,
): ((key: string, ...args: string[]) => Promise<unknown>) => {
  let hash: Promise<string> | undefined
  return async (key, ...args) => {
    hash ??= sha1(source)
    const known = await hash
    try {
      return await command('EVALSHA', known, '1', key, ...args)
    } catch (error) {
      if (!String(error).includes('NOSCRIPT')) throw error
      return command('EVAL', source, '1', key, ...args)
    }
  }
}
