import type { VerdictKind } from '@aplomb/pipeline'

/** What a failure without an answer means. */
export interface FailureRow {
  /** Error codes, each as a whole. */
  readonly codes: RegExp
  /** What messages say, where no code is known; without URLs and host names, which may hold any word. */
  readonly texts: RegExp
  readonly kind: VerdictKind
  readonly retryable: boolean
}

/**
 * How the runtimes say it: undici (Node), Bun, Deno, Workers, Chrome, Firefox, Safari, Electron (Chromium's
 * net_error_list.h), React Native, node-fetch. What no repetition can mend comes first.
 */
export const FAILURES: readonly FailureRow[] = [
  // Certificates and protocols (Node: doc/api/tls.md, "X509 certificate error codes")
  // Witness: https://nodejs.org/api/tls.html#x509-certificate-error-codes
  {
    codes:
      /^(?:CERT_\w+|\w+_CERT|\w+_CERT_\w+|ERR_SSL_\w+|ERR_TLS_(?!HANDSHAKE_TIMEOUT)\w+|EPROTO|HOSTNAME_MISMATCH|UNABLE_TO_(?:GET|VERIFY)_\w+|INVALID_(?:CA|PURPOSE)|ERR_BAD_SSL_\w+|ERR_CERTIFICATE_\w+|UND_ERR_PRX_TLS)$/,
    texts:
      /self[- ]signed|certificate|SSL routines|wrong version number|HOSTNAME_MISMATCH|UNABLE_TO_(?:GET|VERIFY)|TLS handshake failed/i,
    kind: 'network',
    retryable: false,
  },
  // Rules of the platform: redirects, CORS, integrity, mixed content (fetch standard, "network error")
  // Witness: https://fetch.spec.whatwg.org/#concept-network-error
  {
    codes:
      /^(?:UND_ERR_REDIRECT_MAX|TooManyRedirects|UnexpectedRedirect|RedirectURL\w+|UnsupportedRedirect\w+|ERR_TOO_MANY_REDIRECTS|ERR_(?:UNSAFE|INVALID)_REDIRECT|ERR_BLOCKED_BY_\w+|ERR_CLEARTEXT_NOT_PERMITTED|ERR_(?:NETWORK_)?ACCESS_DENIED)$/,
    texts:
      /redirect|cross[- ]origin|\bcors\b|credentials for request mode|embedded credentials|integrity|mixed content|only if cached|request mode cannot|local URLs only|^blocked$|proxy authentication required/i,
    kind: 'network',
    retryable: false,
  },
  // What stays as it is: a dispatcher that was closed, a head larger than the client takes or none that HTTP allows
  // Witness: https://undici.nodejs.org/#/docs/api/Errors.md
  {
    codes:
      /^(?:UND_ERR_(?:DESTROYED|CLOSED|HEADERS_OVERFLOW|RES_EXCEEDED_MAX_SIZE|MAX_ORIGINS_REACHED)|HPE_(?:HEADER_OVERFLOW|INVALID_HEADER_TOKEN|(?:CR|LF)_EXPECTED|INVALID_TRANSFER_ENCODING|(?:INVALID|UNEXPECTED)_CONTENT_LENGTH)|ERR_RESPONSE_HEADERS_TOO_BIG)$/,
    texts:
      /client is (?:destroyed|closed)|headers? overflow|head is too large|not match the HTTP\/1\.1 protocol \([^)]*(?:header|response line|after CR|content-length|transfer-encoding)/i,
    kind: 'network',
    retryable: false,
  },
  // Bad arguments
  // Witness: https://undici.nodejs.org/#/docs/api/Errors.md
  {
    codes:
      /^(?:ERR_INVALID_(?:URL|ARG|CHAR|HTTP_TOKEN)\w*|ERR_(?:UNKNOWN|DISALLOWED)_URL_SCHEME|ERR_UNSAFE_PORT|ERR_FILE_NOT_FOUND|UND_ERR_(?:INVALID_ARG|INVALID_RETURN_VALUE|NOT_SUPPORTED|BPL_MISSING_UPSTREAM)|UND_ERR_RE[QS]_CONTENT_LENGTH_MISMATCH|Unsupported\w*Protocol)$/,
    texts:
      /invalid url|failed to parse url|unknown scheme|URL scheme|scheme is not supported|data URL|blob's size|unsupported (?:protocol|scheme)|UnsupportedProtocol|bad port|invalid (?:header|method|argument|value|name)|invalid .{0,40}header|CONTENT_LENGTH_MISMATCH|is not a valid|cannot be constructed|cannot have body|body (?:is unusable|has already been|used already|is already)|already (?:been )?(?:used|read)|duplex option|must be a string|is not a function|no-cors|content security policy|not implemented/i,
    kind: 'invalid',
    retryable: false,
  },

  // Witness: https://nodejs.org/api/errors.html#common-system-errors
  {
    codes:
      /^(?:UND_ERR_(?:CONNECT|HEADERS|BODY)_TIMEOUT|ETIMEDOUT|ESOCKETTIMEDOUT|ERR_TLS_HANDSHAKE_TIMEOUT|ERR_(?:CONNECTION_)?TIMED_OUT)$/,
    texts: /timed[ -]?out|\btimeout\b/i,
    kind: 'timeout',
    retryable: true,
  },
  // Witness: https://nodejs.org/api/errors.html#common-system-errors
  {
    codes:
      /^(?:ECONNREFUSED|ECONNRESET|ECONNABORTED|ENOTFOUND|EAI_\w+|EPIPE|EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|ENETDOWN|ENETRESET|ENOTCONN|EADDRNOTAVAIL|EADDRINUSE|EMFILE|ENFILE|UND_ERR_\w+|HPE_\w+|ERR_(?:HTTP2|STREAM|QUIC|SPDY|NETWORK|CONNECTION|PROXY|TUNNEL|SOCKS|NAME|DNS|ADDRESS|INTERNET|SOCKET)(?:_\w+)?|ERR_EMPTY_RESPONSE|ERR_(?:INCOMPLETE|INVALID)_\w*(?:CHUNKED_ENCODING|RESPONSE)|ERR_CONTENT_LENGTH_MISMATCH|ConnectionRefused|ConnectionClosed|ConnectionReset|FailedToOpenSocket)$/,
    texts:
      /fetch failed|failed to fetch|load failed|networkerror|network ?error|network (?:request failed|connection (?:was )?lost)|connection (?:was |is )?(?:lost|closed|reset|refused|aborted|error|terminated)|error sending request|unable to connect|socket|other side closed|terminated|premature close|internet connection appears to be offline|hostname could(?: not|n't) be (?:found|resolved)|could not connect|dns error|tcp connect|broken pipe|stream (?:closed|reset)|\bgoaway\b|internal error; reference/i,
    kind: 'network',
    retryable: true,
  },
]

/** System calls that come before anything is sent. */
export const BEFORE_SENDING: ReadonlySet<string> = new Set(['connect', 'getaddrinfo', 'socket'])

/** Codes of failures before anything was sent, where no system call is named. */
export const UNSENT_CODES: RegExp =
  /^(?:ECONNREFUSED|EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|ENETDOWN|EADDRNOTAVAIL|ENOTFOUND|EAI_\w+|UND_ERR_CONNECT_TIMEOUT|ERR_TLS_HANDSHAKE_TIMEOUT|ConnectionRefused|FailedToOpenSocket|ERR_CONNECTION_(?:REFUSED|FAILED|TIMED_OUT)|ERR_ADDRESS_UNREACHABLE|ERR_NAME_\w+|ERR_PROXY_CONNECTION_FAILED)$/

/** The same in words: Node's for a handshake that was broken off, hyper's (Deno) for whatever fails until it is connected. */
export const UNSENT_TEXTS: RegExp =
  /before secure TLS connection was established|client error \(Connect\)|tcp connect error|dns error|hostname could(?: not|n't) be found/i

/** No such host, says the resolver: in practice it is now and then one that is busy or starting. */
export const NOT_FOUND_CODES: RegExp = /^(?:ENOTFOUND|EAI_NODATA|EAI_NONAME|ERR_NAME_NOT_RESOLVED)$/
export const NOT_FOUND_TEXTS: RegExp =
  /dns error: .*(?:name or service not known|nodename nor servname|no such host)|hostname could(?: not|n't) be (?:found|resolved)/i
