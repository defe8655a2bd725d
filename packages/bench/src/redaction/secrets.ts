/** A secret, made up, and the name that it usually has. */
export interface Secret {
  readonly kind: string
  readonly name: string
  readonly value: string
  /** What of it is secret: not what all of its kind begin with. */
  readonly core: string
}

const kinds = (rows: string): readonly Secret[] =>
  rows
    .trim()
    .split('\n')
    .map((row) => {
      const [kind = '', name = '', marked = ''] = row.split(' | ')
      return { kind, name, value: marked.replace('~', ''), core: marked.slice(marked.indexOf('~') + 1) }
    })

/** Forty kinds. What stands before a tilde, which is taken out, is public: so no scanner takes these for real ones. */
export const SECRETS: readonly Secret[] = kinds(String.raw`
AWS access key | aws_access_key_id | AK~IAZQ3DRSTUVWXY2LMN
AWS secret key | aws_secret_access_key | wJ4lrXUtnF~EMIK7MDENGbPxRfiCY9zQhTkLp3Ws
AWS session token | x-amz-security-token | IQoJb3JpZ2luX2VjEJr//////////wEaCXVzLWVhc3QtMSJHMEUCIQ~Dk7Qm2Zr9
Google API key | key | AI~zaSyD4x8Kq2Wm7Np1Rt5Vb9Zc3Hf6Jg0Ls
Google OAuth access | access_token | ya29.~a0AfH6SMBx7Qk2Lp9Wv4Zr1Tc8Ny5
Google client secret | client_secret | GOCSPX~-4kQ9mZ2xW7vR1tY5pL8nB3cF6
Google refresh token | refresh_token | 1//0~gX7kQ2mZ9wV4rT1yP5lN8bC3fH6jD
GitHub classic | token | gh~p_9xK2mQ7wZ4vR1tY5pL8nB3cF6jD0hS2aXeUi
GitHub fine-grained | token | github_pat_~11ABCDEFG0q7Zk2Wm9Xv_4Rt1Yp5Ln8Bc3Fh6Jd0Gs
GitLab | private-token | gl~pat-x7Kq2Wm9Zv4Rt1Yp5Ln8
Stripe secret | api_key | sk_~live_51Mq7Zk2Wm9Xv4Rt1Yp5Ln8Bc3
Stripe webhook | signing_secret | whsec_~q7Zk2Wm9Xv4Rt1Yp5Ln8Bc3Fh6Jd0Gs
OpenAI | authorization | sk-~proj-q7Zk2Wm9Xv4Rt1Yp5Ln8Bc3Fh6Jd0Gs_T3BlbkFJaX
Anthropic | x-api-key | sk-ant-~api03-q7Zk2Wm9Xv4Rt1Yp5Ln8Bc3Fh6Jd0Gs-aXeUiAA
Slack bot | token | xo~xb-2714365980-4829105736-q7Zk2Wm9Xv4Rt1Yp5Ln8
Slack webhook | webhook_url | hooks.slack.com/services/~T02AB3CDE/B04FG5HIJ/q7Zk2Wm9Xv4Rt1Yp5Ln8Bc3F
JSON Web Token | id_token | eyJ~hbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiIsIm5hbWUiOiJBbm4ifQ.q7Zk2Wm9Xv4Rt1Yp5Ln8Bc3Fh6Jd0GsaXeUi
Session cookie | connect.sid | s:~q7Zk2Wm9Xv4Rt1Yp5Ln8Bc3F.h6Jd0GsaXeUiT3BlbkFJ
PHP session | PHPSESSID | el4ukv0kqbvoirg7nkp4dncpk3
Password | password | hunter22
Passphrase | passphrase | correct horse battery staple
Password with marks | pwd | Tr0ub4dor&3=x"y\z
One-time password | otp | 492817
Recovery code | recovery_code | MANGO-RIVER-4471
Twilio auth token | auth_token | 7c1f0e9a4b5d4c2e8f3a6b9d0c1e2f3a
SendGrid | api_key | SG.~q7Zk2Wm9Xv4Rt1Yp5Ln8Bc.3Fh6Jd0GsaXeUiT3BlbkFJq7Zk2Wm9Xv4Rt1Yp5Ln
Mailgun | api_key | key-~3ax6xnjp29jd6fds4gc373sgvjxteol0
npm | _authToken | npm_~q7Zk2Wm9Xv4Rt1Yp5Ln8Bc3Fh6Jd0GsaXeUi
Database password | DB_PASSWORD | s3cr3t-Db-Pa55
Azure storage key | AccountKey | q7Zk2Wm9Xv4Rt1Yp5Ln8Bc3Fh6Jd0GsaXeUiT3BlbkFJq7Zk2Wm9Xv4Rt1Yp5Ln8Bc3Fh6Jd0GsaXe+/g==
Shared access signature | sig | q7Zk2Wm9Xv4Rt1Yp5Ln8Bc3Fh6Jd0Gs/aXeUi+T3B=
Signed URL | X-Amz-Signature | 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
OAuth code | authorization_code | 4/0AX4XfWh~q7Zk2Wm9Xv4Rt1Yp5Ln8Bc3Fh6Jd0G
PKCE verifier | code_verifier | q7Zk2Wm9Xv4Rt1Yp5Ln8Bc3Fh6Jd0GsaXeUiT3BlbkF
CSRF token | csrf_token | q7Zk2Wm9Xv4Rt1Yp5Ln8Bc3F
Telegram bot | bot_token | 6283910475:~AAHq7Zk2Wm9Xv4Rt1Yp5Ln8Bc3Fh6Jd0Gs
Discord webhook | webhook | discord.com/api/webhooks/1099338441739505695/~q7Zk2Wm9Xv4Rt1Yp5Ln8Bc3Fh6Jd0GsaXeUi
Private key | private_key | MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7q7Zk2Wm9Xv4R
Basic credentials | authorization | YW5uOmh1bnRlcjIyLW9wZW4=
Vault token | x-vault-token | hvs.~CAESIq7Zk2Wm9Xv4Rt1Yp5Ln8Bc3Fh6Jd0Gs
`)
