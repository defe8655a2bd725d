/** Answers to begin with: each is one that its status alone does not tell. */
export const SAMPLES: readonly (readonly [title: string, text: string])[] = [
  [
    'a busy minute',
    `HTTP/2 429
date: Thu, 15 Jan 2026 12:00:00 GMT
content-type: application/json
ratelimit: "default";r=0;t=18
ratelimit-policy: "default";q=1200;w=300
retry-after: 18

{"errors":[{"code":10429,"message":"Rate limited."}]}
`,
  ],
  [
    'no credit left',
    `HTTP/2 429
date: Thu, 15 Jan 2026 12:00:00 GMT
content-type: application/json

{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}
`,
  ],
  [
    'too many at once',
    `HTTP/1.1 429 Too Many Requests
Date: Thu, 15 Jan 2026 12:00:00 GMT
Content-Type: application/json
X-Concurrent-Threads-Active: 3
X-Concurrent-Threads-Allowed: 3

{"message":"Too many concurrent requests."}
`,
  ],
  [
    'a POST that failed',
    `> POST /v1/charges HTTP/2
> Host: api.example.com
HTTP/2 502
date: Thu, 15 Jan 2026 12:00:00 GMT
content-type: text/html

<html><body><h1>502 Bad Gateway</h1><hr>nginx</body></html>
`,
  ],
  [
    'a wall in front',
    `HTTP/2 403
date: Thu, 15 Jan 2026 12:00:00 GMT
content-type: text/html; charset=UTF-8
server: cloudflare
cf-mitigated: challenge
cf-ray: 8f0d3c2a1b4e5f60-FRA

<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>
`,
  ],
]
