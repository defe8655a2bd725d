/** A call: what is asked, and what is answered. `said` is the secret in some spelling. */
export interface Scene {
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  /** What a middleware of the user's adds. */
  readonly added?: Readonly<Record<string, string>>
  /** What the server, or an error, says. */
  readonly said: string
  readonly failure?: boolean
}

type Place = (secret: { readonly value: string; readonly name: string }, said: string) => Scene

const URL_A = 'https://api.example.com/v1/things'
const echo = (said: string): string => `The value ${said} was not accepted`
const bytes = (text: string): string => String.fromCharCode(...new TextEncoder().encode(text))
const encode = encodeURIComponent

/** Where the request carries it, and the server says it again: nothing but that tells what it is. */
export const CARRIED: Readonly<Record<string, Place>> = {
  header: ({ value, name }, said) => ({
    url: URL_A,
    headers: { [name.replaceAll('_', '-')]: bytes(value) },
    said: echo(said),
  }),
  bearer: ({ value }, said) => ({ url: URL_A, headers: { authorization: `Bearer ${bytes(value)}` }, said: echo(said) }),
  basic: ({ value }, said) => ({
    url: URL_A,
    headers: { authorization: `Basic ${btoa(`ann:${bytes(value)}`)}` },
    said: echo(said),
  }),
  cookie: ({ value, name }, said) => ({
    url: URL_A,
    headers: { cookie: `a=b; ${name}=${encode(value)}` },
    said: echo(said),
  }),
  query: ({ value, name }, said) => ({ url: `${URL_A}?page=2&${name}=${encode(value)}`, said: echo(said) }),
  'added by a middleware': ({ value }, said) => ({
    url: URL_A,
    added: { 'x-acme-key': bytes(value) },
    said: echo(said),
  }),
  'carried, and in an error': ({ value }, said) => ({
    url: URL_A,
    headers: { 'x-api-key': bytes(value) },
    said: `request to ${said} failed`,
    failure: true,
  }),
}

/** Where only the server, or an error, knows it: its name tells what it is. */
export const TOLD: Readonly<Record<string, Place>> = {
  'JSON member': ({ name }, said) => ({ url: URL_A, said: `{"page":2,"${name}":"${said}"}` }),
  'JSON in JSON': ({ name }, said) => ({ url: URL_A, said: `{"sent":"{\\"${name}\\":\\"${said}\\"}"}` }),
  'HTML-escaped JSON': ({ name }, said) => ({ url: URL_A, said: `{&quot;${name}&quot;:&quot;${said}&quot;}` }),
  'list of headers': ({ name }, said) => ({ url: URL_A, said: `[{"name":"${name}","value":"${said}"}]` }),
  'connection error': ({ name }, said) => ({
    url: URL_A,
    said: `connect failed, ${name}="${said}"`,
    failure: true,
  }),
}
