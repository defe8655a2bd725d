// Written by `npm run sync`, from the files beside it.
import type {
  BodyRow,
  CodeRow,
  EnvelopeRow,
  ErrorHeaderRow,
  HeaderRow,
  OutcomeRow,
  PlanRow,
  WordRow,
} from '../vendor.ts'
import * as apifreaks from './apifreaks.ts'
import * as atlassian from './atlassian.ts'
import * as aws from './aws.ts'
import * as azure from './azure.ts'
import * as bamboohr from './bamboohr.ts'
import * as binance from './binance.ts'
import * as brightdata from './brightdata.ts'
import * as bybit from './bybit.ts'
import * as cloro from './cloro.ts'
import * as cloudflare from './cloudflare.ts'
import * as deepgram from './deepgram.ts'
import * as deepseek from './deepseek.ts'
import * as dropbox from './dropbox.ts'
import * as etsy from './etsy.ts'
import * as eve from './eve.ts'
import * as geolocated from './geolocated.ts'
import * as github from './github.ts'
import * as google from './google.ts'
import * as hasdata from './hasdata.ts'
import * as hubspot from './hubspot.ts'
import * as imperva from './imperva.ts'
import * as ipApi from './ip-api.ts'
import * as kucoin from './kucoin.ts'
import * as linear from './linear.ts'
import * as lufthansa from './lufthansa.ts'
import * as marketdata from './marketdata.ts'
import * as meta from './meta.ts'
import * as mistral from './mistral.ts'
import * as monday from './monday.ts'
import * as ngrok from './ngrok.ts'
import * as notion from './notion.ts'
import * as odds from './odds.ts'
import * as okta from './okta.ts'
import * as openai from './openai.ts'
import * as oracle from './oracle.ts'
import * as prisjakt from './prisjakt.ts'
import * as railway from './railway.ts'
import * as render from './render.ts'
import * as salesforce from './salesforce.ts'
import * as scrapeDo from './scrape-do.ts'
import * as scrapeops from './scrapeops.ts'
import * as scraperapi from './scraperapi.ts'
import * as scrapfly from './scrapfly.ts'
import * as scrapingbee from './scrapingbee.ts'
import * as sentry from './sentry.ts'
import * as shopify from './shopify.ts'
import * as slack from './slack.ts'
import * as spoonacular from './spoonacular.ts'
import * as spring from './spring.ts'
import * as strava from './strava.ts'
import * as stripe from './stripe.ts'
import * as sucuri from './sucuri.ts'
import * as twilio from './twilio.ts'
import * as vercel from './vercel.ts'
import * as walmart from './walmart.ts'
import * as webscrapingapi from './webscrapingapi.ts'
import * as wechat from './wechat.ts'
import * as x from './x.ts'
import * as xero from './xero.ts'
import * as yelp from './yelp.ts'
import * as zenrows from './zenrows.ts'
import * as zoom from './zoom.ts'

export const bodies: readonly BodyRow[] = /* @__PURE__ */ [monday.bodies, shopify.bodies].flat()
export const codes: readonly CodeRow[] = /* @__PURE__ */ [
  aws.codes,
  google.codes,
  meta.codes,
  monday.codes,
  odds.codes,
  openai.codes,
  shopify.codes,
  stripe.codes,
  twilio.codes,
  zenrows.codes,
].flat()
export const concurrencyHosts: readonly string[] = /* @__PURE__ */ [
  apifreaks.concurrencyHosts,
  cloro.concurrencyHosts,
  deepgram.concurrencyHosts,
  deepseek.concurrencyHosts,
  hasdata.concurrencyHosts,
  scrapeDo.concurrencyHosts,
  scrapeops.concurrencyHosts,
  scraperapi.concurrencyHosts,
  twilio.concurrencyHosts,
  webscrapingapi.concurrencyHosts,
].flat()
export const envelopes: readonly EnvelopeRow[] = meta.envelopes
export const errorHeaders: readonly ErrorHeaderRow[] = brightdata.errorHeaders
export const headers: readonly HeaderRow[] = /* @__PURE__ */ [
  apifreaks.headers,
  aws.headers,
  binance.headers,
  brightdata.headers,
  bybit.headers,
  etsy.headers,
  eve.headers,
  geolocated.headers,
  ipApi.headers,
  kucoin.headers,
  linear.headers,
  lufthansa.headers,
  marketdata.headers,
  meta.headers,
  mistral.headers,
  odds.headers,
  oracle.headers,
  prisjakt.headers,
  salesforce.headers,
  scrapfly.headers,
  scrapingbee.headers,
  sentry.headers,
  shopify.headers,
  spoonacular.headers,
  spring.headers,
  strava.headers,
  stripe.headers,
  twilio.headers,
  walmart.headers,
  x.headers,
  xero.headers,
  yelp.headers,
].flat()
export const hints: readonly string[] = stripe.hints
export const messageHeaders: readonly string[] = bamboohr.messageHeaders
export const outcomes: readonly OutcomeRow[] = /* @__PURE__ */ [google.outcomes, slack.outcomes].flat()
export const plans: readonly PlanRow[] = aws.plans
export const platforms: readonly string[] = /* @__PURE__ */ [
  ngrok.platforms,
  railway.platforms,
  render.platforms,
  vercel.platforms,
].flat()
export const proxyIds: readonly string[] = /* @__PURE__ */ [
  atlassian.proxyIds,
  aws.proxyIds,
  cloudflare.proxyIds,
  google.proxyIds,
  hubspot.proxyIds,
  meta.proxyIds,
  vercel.proxyIds,
].flat()
export const rates: readonly RegExp[] = aws.rates
export const requestIds: readonly string[] = /* @__PURE__ */ [
  atlassian.requestIds,
  aws.requestIds,
  azure.requestIds,
  deepgram.requestIds,
  dropbox.requestIds,
  github.requestIds,
  meta.requestIds,
  notion.requestIds,
  okta.requestIds,
  scrapfly.requestIds,
  shopify.requestIds,
  slack.requestIds,
  twilio.requestIds,
  zoom.requestIds,
].flat()
export const suspects: readonly string[] = imperva.suspects
export const walls: readonly string[] = /* @__PURE__ */ [aws.walls, cloudflare.walls, sucuri.walls, vercel.walls].flat()
export const words: readonly WordRow[] = wechat.words
