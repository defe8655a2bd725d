/** What APIs, runtimes and gateways say, with all that is needed to mend it and nothing that is secret. One a line. */
export const HARMLESS: readonly string[] = String.raw`
Rate limit reached for gpt-4o-mini in organization org-3kP9xQ2vLmT8rZ5wYb7Hc1Nd on requests per min (RPM): Limit 3, Used 3, Requested 1. Please try again in 20s.
Rate limit reached for gpt-4.1-2025-04-14 on tokens per min (TPM): Limit 30000, Used 29211, Requested 1204. Please try again in 830ms.
This model's maximum context length is 128000 tokens. However, your messages resulted in 131072 tokens.
The model 'gpt-5-turbo-preview-0125' does not exist or you do not have access to it.
That model is currently overloaded with other requests. (request ID req_7c1f0e9a4b5d4c2e8f3a6b9d0c1e2f3a)
Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.
Number of request tokens has exceeded your per-minute rate limit (output_tokens: 8192, model: claude-3-5-sonnet-20241022)
overloaded_error: Overloaded (request_id: req_011CSHoEeqs5C35K2UUqR7Fy)
messages.3.content.0.type: Expected 'thinking' or 'redacted_thinking', but found 'text'.
tool_use ids were found without tool_result blocks immediately after: toolu_01A09q90qw90lq917835lq9XyzK
Resource has been exhausted (e.g. check quota). Quota metric generativelanguage.googleapis.com/generate_content_free_tier_requests
models/gemini-1.5-pro-latest is not found for API version v1beta, or is not supported for generateContent.
Quota exceeded for quota metric 'Read requests' and limit 'Read requests per minute per user' of service 'sheets.googleapis.com' for consumer 'project_number:618104708054'.
The caller does not have permission: Permission 'storage.objects.get' denied on resource 'projects/_/buckets/acme-prod-assets/objects/img/logo.png'
Model mistral-large-2411 is at capacity, retry after 12h34m16s
Rate limit reached for model llama-3.3-70b-versatile on tokens per day (TPD): Limit 100000, Used 99336. Please try again in 13m42.624s.
Please reduce the length of the messages or completion. Input tokens: 34211, limit 32768 for mixtral-8x7b-32768
meta-llama/Llama-3.3-70B-Instruct-Turbo is temporarily unavailable in us-east-1
anthropic.claude-3-5-sonnet-20241022-v2:0 isn't supported on-demand; use an inference profile
DeepSeek-R1-Distill-Qwen-32B: worker 7 of 16 restarted after 36.4297s
Qwen2.5-Coder-32B-Instruct-AWQ returned finish_reason=length after 2048 tokens
text-embedding-3-small expects at most 8191 tokens, got 9210
stable-diffusion-xl-1024-v1-0 queue length 42, estimated wait 00:01:25
No such customer: 'cus_NffrFeUfNV2Hib'
No such price: 'price_1MoBy5LkdIwHu7ixZhnattbh'; a similar object exists in live mode, but a test mode key was used to make this request.
Your card was declined. decline_code: insufficient_funds, charge: ch_3MmlLrLkdIwHu7ix0snN0B15
This PaymentIntent pi_3MtwBwLkdIwHu7ix28a3tqPa could not be captured because it has a status of requires_payment_method.
Keys for idempotent requests can only be used with the same parameters they were first used with.
This object cannot be accessed right now because another API request or Stripe process is currently accessing it. lock_timeout
The subscription sub_1MowQVLkdIwHu7ixeRlqHVzs is past_due since 2026-01-15
Invoice in_1MtHbELkdIwHu7ixl4OzzPMv is already paid
INSTRUMENT_DECLINED: The instrument presented was either declined by the processor or bank. Debug ID: 90957fca61718
INVALID_RESOURCE_ID: Specified resource ID does not exist. debug_id=b1d1f06c7246c
ACQUIRER_ERROR 05 Do not honor, pspReference 8815658961765250
AADSTS700016: Application with identifier '6731de76-14a6-49ae-97bc-6eba6914391e' was not found in the directory 'contoso.onmicrosoft.com'.
AADSTS50076: Due to a configuration change made by your administrator, you must use multi-factor authentication. Trace ID: 0b7b0a5e-3f2d-4f4d-9d43-6f3b9a5c1e00 Correlation ID: 8f1f2d3c-4b5a-6978-8695-a4b3c2d1e0f9 Timestamp: 2026-01-15 08:41:23Z
AADSTS90002: Tenant 'fabrikam' not found. Check to make sure you have the correct tenant ID.
Operation returned an invalid status code 'Conflict': 0x80070005 (E_ACCESSDENIED)
0x8004010F: Outlook data file cannot be accessed
HRESULT: 0x80131500, the operation has timed out after 00:01:40
The subscription '9f1c7a52-6c0e-4ab1-8d4f-3d2b5e6a7c81' could not be found.
Resource /subscriptions/9f1c7a52-6c0e-4ab1-8d4f-3d2b5e6a7c81/resourceGroups/rg-prod-weu/providers/Microsoft.Compute/virtualMachines/vm-web-03 not found
SKU 'Standard_D4s_v5' is currently not available in location 'westeurope' zone 2
The requested VM size Standard_NC24ads_A100_v4 exceeds the quota of 24 cores
The request was throttled. Operations per second is over the account limit. RequestId:61a12073-0016-0033-30e2-bc22ec000000 Time:2026-01-15T15:23:32.7321327Z
ServerBusy: Egress is over the account limit. x-ms-request-id: 5d3ae7c2-201e-0041-1f8b-9c0b2d000000
CosmosException: Request rate is large. More Request Units may be needed. ActivityId: 3f6d0d6a-1d2c-4d0a-8a32-7e6a0d5b3f21, RetryAfter: 00:00:00.0340000
An error occurred (ThrottlingException) when calling the DescribeInstances operation (reached max retries: 4): Rate exceeded
The instance ID 'i-0abcd1234ef567890' does not exist
The security group 'sg-0fb1c3d2a4e5f6789' does not exist in default VPC 'vpc-0a1b2c3d4e5f60718'
User: arn:aws:iam::123456789012:user/deploy-bot is not authorized to perform: s3:PutObject on resource: arn:aws:s3:::acme-prod-artifacts/releases/1.4.2.zip
SlowDown: Please reduce your request rate. RequestId: 4442587FB7D0A2F9
Access Denied (Service: Amazon S3; Status Code: 403; Error Code: AccessDenied; Request ID: 79104EXAMPLEB723; S3 Extended Request ID: IOWQ4fDEXAMPLEQM+ey7N9WgVhSnQ6JEXAMPLEZb7hSQDASK+Jd1vEXAMPLEa3Km)
ConditionalCheckFailedException: The conditional request failed (Service: DynamoDb, Status Code: 400, Request ID: KV1J6MBG5F2QLNC2J3V0FJ8C9RVV4KQNSO5AEMVJF66Q9ASUAAJG)
ProvisionedThroughputExceededException: The level of configured provisioned throughput for the table was exceeded. Table: orders-2026, index: byCustomer
Task timed out after 3.00 seconds RequestId: 8f507cfc-xmpl-4697-b07a-ac58fc914c95
arn:aws:lambda:eu-central-1:123456789012:function:checkout-v2:PROD returned FunctionError=Unhandled
X-Amzn-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1
Image 123456789012.dkr.ecr.us-east-1.amazonaws.com/api:v1.42.0 not found
ami-0abcdef1234567890 is not valid for m7g.2xlarge in eu-west-3b
The specified queue does not exist: https://sqs.us-east-1.amazonaws.com/123456789012/orders-dlq
InvalidParameterValue: db.r6g.xlarge does not support PostgreSQL 13.7
error code: 1015 (Ray ID: 8f1d2c3b4a5e6f70-FRA) You are being rate limited
Error 522: connection timed out. Ray ID: 7d9a1c5f8b3e2a40 - 2026-01-15 10:11:12 UTC
cf-ray: 8c2f7f3f0e5c9d1a-CDG, cf-cache-status: DYNAMIC
Worker exceeded resource limits (1102) on zone example.com
Error 54113 Details: cache-iad-kjyo7100123-IAD 1736934000 2837465910
Application error: a client-side exception has occurred. Digest: 1730417482
FUNCTION_INVOCATION_TIMEOUT fra1::iad1::x7k2p-1736934000123-4a5b6c7d8e9f
DEPLOYMENT_NOT_FOUND dpl_5WJWYSyB7BpgTj3EuwF37WMRBZBW
Could not parse Prisma schema at /vercel/path0/packages/db/schema.prisma:12:7
at=error code=H12 desc="Request timeout" method=GET path="/v1/orders" host=api.example.com dyno=web.1 connect=1ms service=30000ms status=503
heroku[router]: at=error code=H10 desc="App crashed" request_id=3f0a1b2c-4d5e-6f70-8192-a3b4c5d6e7f8
upstream connect error or disconnect/reset before headers. reset reason: connection termination
no healthy upstream, cluster outbound|8080|v2|reviews.prod.svc.cluster.local
2026/01/15 10:11:12 [error] 31#31: *184467 upstream timed out (110: Connection timed out) while reading response header from upstream, client: 203.0.113.7, server: api.example.com, upstream: "http://10.4.2.17:8080/v1/orders"
traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7 sampled=true
b3: trace id 463ac35c9f6413ad48485a3953bb6124, parent 0020000000000001
uber-trace-id 5e1c9a4d2b7f3806, service checkout, took 1.2s
Sentry event id fc6d8c0c43fc4630ad850ee518f1b9d0 was dropped: rate_limited_org
correlation-id: c9b1f3f4-7f5e-4a9b-8f2a-6f1d0f6a2b3c not found in the last 14 days
API rate limit exceeded for user ID 583231. If you reach out to GitHub Support for help, please include the request ID C1F2:3A4B:5C6D7E:8F9A0B:6789ABCD.
You have exceeded a secondary rate limit. Please wait a few minutes before you try again. x-ratelimit-reset: 1736937600
Validation Failed: Reference already exists refs/heads/feature/token-bucket-v2
No commit found for SHA: 9fceb02d0ae598e95dc970b74767f19372d61af8
fatal: bad object 1a410efbd13591db07496601ebc7a059dd55cfe9, commit e83c5163316f89bfbde7d9ab23ca2e25604af290 not found
Resource not accessible by integration: https://docs.github.com/rest/actions/workflow-runs#list-workflow-runs
Merge conflict in packages/limits/src/vendors/openai.ts at commit 6cabc94
404 Project Not Found, correlation_id 01HQ8Z5K3M7N9P2R4T6V8X0YBC
"error":"invalid_grant","error_description":"The provided authorization grant is invalid, expired, revoked, or does not match the redirection URI"
error=invalid_token, error_description="The access token expired"
WWW-Authenticate: Bearer realm="api", error="insufficient_scope", scope="read:orders write:orders"
{"error":"unsupported_grant_type","error_description":"grant_type must be authorization_code or refresh_token"}
{"token_type":"Bearer","expires_in":3600,"scope":"openid profile email"}
invalid_client: Client authentication failed (unknown client, no client authentication included)
API key not found. Please pass a valid API key.
Invalid API key format: key must begin with the prefix of its environment
Missing Authentication Token
Access token is missing or invalid
The security token included in the request is expired
Signature expired: 20260115T101112Z is now earlier than 20260115T101612Z (20260115T102112Z - 5 min.)
The request signature we calculated does not match the signature you provided. Check your key and signing method.
Password must contain at least 8 characters, one uppercase letter and one number.
{"password":["This password is too short. It must contain at least 8 characters."]}
{"errors":{"password":"This field is required.","email":"Enter a valid email address."}}
token: expected string, received undefined
session: expired 12 minutes ago
csrf token mismatch, please reload the page
Unexpected token '<', "<!DOCTYPE "... is not valid JSON
Unexpected token } in JSON at position 4096
max_tokens: 4096, input_tokens=1280, total_tokens: 5376
author=Jane Doe, authority=api.example.com, keyboard=qwerty, monkey=patch
cache_key=orders:2026-01:page-3 cache_status=MISS ttl=300
primary_key=order_id foreign_key=customer_id sort_key=created_at
token_count=512 token_limit=8192 tokens_per_minute=60000
key_type=RSA key_size=2048 key_id=projects/acme/locations/global/keyRings/r1
public_key_format=spki auth_method=mutual_tls session_timeout=1800
next_page_token is only valid for 10 minutes
secretary=on duty, passenger=3, compass=north, passive=true, bypass=false
author_id=42 authored_at=2026-01-15T10:11:12Z
ORA-00942: table or view does not exist
ORA-12170: TNS:Connect timeout occurred
ERROR 1062 (23000): Duplicate entry '42-2026-01-15' for key 'orders.uq_customer_day'
ERROR 1205 (HY000): Lock wait timeout exceeded; try restarting transaction
SQLSTATE[42S02]: Base table or view not found: 1146 Table 'shop.order_items' doesn't exist
duplicate key value violates unique constraint "pk_organizations"
Key (order_id)=(184467) is not present in table "orders".
deadlock detected: Process 31042 waits for ShareLock on transaction 7281934; blocked by process 31044.
E11000 duplicate key error collection: shop.orders index: number_1 dup key: { number: 184467 }
Cast to ObjectId failed for value "507f1f77bcf86cd799439011" (type string) at path "_id" for model "Order"
No document found for query "{ _id: 507f1f77bcf86cd799439011 }" on model "Customer"
MongoServerSelectionError: connection <monitor> to 10.0.3.14:27017 closed
MOVED 3999 10.0.0.81:6381
CLUSTERDOWN Hash slot not served, node 07c37dfeb235213a872192d90877d0cd55635b91
KafkaJSNumberOfRetriesExceeded: leader not available for orders-events-3, retry 5 of 5
Elasticsearch: [circuit_breaking_exception] [parent] Data too large, data for [<http_request>] would be [1032649216/984.7mb]
index_not_found_exception: no such index [logs-nginx-2026.01.15-000042]
getaddrinfo ENOTFOUND api.eu-central-1.internal.example.com
getaddrinfo EAI_AGAIN d111111abcdef8.cloudfront.net
connect ECONNREFUSED 127.0.0.1:5432
connect ETIMEDOUT 2606:4700:4700::1111:443
read ECONNRESET at TLSWrap.onStreamRead (node:internal/stream_base_commons:218:20)
unable to verify the first certificate; if the root CA is installed locally, try running Node.js with --use-system-ca
certificate has expired: notAfter=Jan 15 10:11:12 2026 GMT, serial number 03:5d:8e:1f
SHA256 fingerprint 9F:86:D0:81:88:4C:7D:65:9A:2F:EA:A0:C5:5A:D0:15 does not match
UND_ERR_CONNECT_TIMEOUT: Connect Timeout Error (attempted addresses: 203.0.113.10:443, 203.0.113.11:443, timeout: 10000ms)
net::ERR_CERT_COMMON_NAME_INVALID at https://staging.example.com/healthz
TypeError: Cannot read properties of undefined (reading 'accessToken')
TypeError: response.headers.getSetCookie is not a function at readCookies (/app/node_modules/undici/lib/web/cookies/index.js:102:15)
at Object.<anonymous> (/srv/app/releases/20260115101112/dist/server/routes/orders.controller.js:42:17)
at async Http2ServerRequestHandler.handle (file:///usr/src/app/src/http2/Handler.ts:88:9)
C:\Program Files\dotnet\sdk\8.0.404\Microsoft.Common.CurrentVersion.targets(2413,5): warning MSB3277
TS2345: Argument of type 'string | undefined' is not assignable to parameter of type 'string'.
error CS1061: 'HttpRequestMessage' does not contain a definition for 'GetQueryNameValuePairs'
java.lang.OutOfMemoryError: GC overhead limit exceeded at org.apache.http.impl.client.InternalHttpClient.doExecute(InternalHttpClient.java:185)
CVE-2024-21626 affects runc before 1.1.12
npm error code E404: Not Found - GET https://packages.example.com/@acme%2fwidgets - Not found
pod payments-7d9f8b6c5-x2v9k in namespace prod was OOMKilled (exit code 137)
Operation cannot be fulfilled on deployments.apps "checkout": the object has been modified; resourceVersion 84736251
Back-off pulling image "ghcr.io/acme/api:2026.1.15-rc.3", digest sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
container 4c01db0b339c exited with code 1 after 12m7s on node ip-10-0-1-23.eu-west-1.compute.internal
ETag "33a64df551425fcc55e4d42a148795d9f25f89d4" does not match
Build 20260115.3 of pipeline nightly failed in 1h12m, agent ubuntu-24.04-arm64-8core
kernel 6.8.0-1021-aws, glibc 2.39-0ubuntu8.3, openssl 3.0.13
User-Agent: node-fetch/3.3.2 (+https://github.com/node-fetch/node-fetch)
The volume 506f78a4-e098-11e5-ad9f-000f53306ae1 is attached to droplet 3164444
No such Machine: 148ed127b30089 in region fra
Twilio error 21211: The 'To' number +15005550001 is not a valid phone number.
Message SM accepted but not delivered, ErrorCode 30007
SendGrid: The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved.
550 5.7.1 Message rejected, see https://support.google.com/mail/?p=UnsolicitedMessageError
slack: channel_not_found for C024BE91L in team T0G9PQBBK
ratelimited: retry after 30 on method conversations.history
Discord: You are being rate limited. retry_after: 64.57, global: false, code: 20028
Unknown Message (code 10008), channel 1099338441739505695
UNABLE_TO_LOCK_ROW: unable to obtain exclusive access to this record or 1 records: 001D000000IRFmaIAH
REQUEST_LIMIT_EXCEEDED: TotalRequests Limit exceeded.
Daily limit of 250000 calls reached, resets at midnight Pacific (2026-01-16T08:00:00.000Z)
Throttled: 40/40 points of the bucket used, restoreRate 2.0, requestedQueryCost 12
Exceeded 2 calls per second for api client. Reduce request rates to resume uninterrupted service.
Product B07FZ8S74R is not in marketplace A1PA6795UKMFR9
WH-1000XM5 (SKU WH1000XM5B.CE7) is out of stock, expected 2026-W07
Tracking number 1Z999AA10123456784 has no scans since Jan 12
Order 2026-000184467 was shipped to DE-10115 with carrier dhl_paket_2_0
IBAN checks failed at position 4, BIC must have 8 or 11 characters
MaxMind: The value 10.0.3.14 belongs to a reserved or private range (IP_ADDRESS_RESERVED)
No record for 2001:db8:85a3::8a2e:370:7334 at /v1/lookup/:ip
whois: quota of 1,000 queries for example.co.uk used up; try again in 6 hours
Upstream timings: dns 3.21ms, tcp 12.04ms, tls 28.9ms, ttfb 1.204s, total 1m2.5s
Waited PT1H30M, then P1DT12H; backoff 250ms, 500ms, 1s, 2s, jitter 30%
hold for 59.98 s, retry-after 60, 14 in line, limit 8 (was 16)
Circuit breaker 'inventory-v2' is open since 10:11:12.345+01:00, half-open probe in 4500 ms
GET /v2/users/me/orders?page=2&limit=50 502 (Bad Gateway) in 312ms
POST /api/v1/webhooks/deliveries 429 Too Many Requests, x-request-id 0HN5J8K2M4P6R:00000003
No such deployment: iad-7c9f in region us-east4, zone b
Model whisper-large-v3-turbo: audio of 00:12:34.560 is longer than 10m0s
Retrying in 4.2s (attempt 2/4), x-should-retry: true
Sabre error ERR.2SG.PROVIDER.NO_FARES.FOUND at 2026-01-15T10:11:12+0100
Missing required scope(s): accounts.read, private_messages.write; granted: public.read
`
  .trim()
  .split('\n')
