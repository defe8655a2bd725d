import type { OutcomeRow } from '../vendor.ts'

// Slack

export const requestIds: readonly string[] = [
  // Witness: slack: request id
  'x-slack-req-id',
]

export const outcomes: readonly OutcomeRow[] = [
  // Witness: slack: 200-ratelimited-in-body
  {
    rule: 'slack',
    flag: 'ok',
    key: 'error',
    kinds: {
      ratelimited: 'rate-limited',
      rate_limited: 'rate-limited',
      message_limit_exceeded: 'quota-exhausted',
      not_authed: 'unauthenticated',
      invalid_auth: 'unauthenticated',
      account_inactive: 'unauthenticated',
      token_revoked: 'unauthenticated',
      token_expired: 'unauthenticated',
      missing_scope: 'forbidden',
      no_permission: 'forbidden',
      access_denied: 'forbidden',
      ekm_access_denied: 'forbidden',
      not_allowed_token_type: 'forbidden',
      org_login_required: 'forbidden',
      team_access_not_granted: 'forbidden',
      channel_not_found: 'missing',
      user_not_found: 'missing',
      fatal_error: 'server-error',
      internal_error: 'server-error',
      request_timeout: 'server-error',
      service_unavailable: 'overloaded',
    },
    otherwise: 'invalid',
  },
]
