import { aplomb, constrained } from 'aplomb'

/** A constraint of one's own: never more than so many in flight for each tenant. */
const perTenant = (most: number) =>
  constrained('per-tenant', () => {
    const inFlight = new Map<string, number>()
    const tenantOf = ({ url }: { url: string }): string => new URL(url).searchParams.get('tenant') ?? 'none'
    const count = (tenant: string, more: number): void => {
      const now = (inFlight.get(tenant) ?? 0) + more
      if (now > 0) inFlight.set(tenant, now)
      else inFlight.delete(tenant)
    }
    const isFull = (tenant: string): boolean => (inFlight.get(tenant) ?? 0) >= most
    return {
      // Not before one of this tenant's has ended.
      waitMs: ({ request }) => (isFull(tenantOf(request)) ? Infinity : 0),
      // Who waits for a tenant stands apart: the others pass.
      laneOf: ({ request }) => (isFull(tenantOf(request)) ? tenantOf(request) : undefined),
      sent: ({ request }) => count(tenantOf(request), 1),
      ended: ({ request }) => count(tenantOf(request), -1),
    }
  })

const fetch = aplomb({ use: [perTenant(2)] })
const tenants = ['north', 'north', 'north', 'north', 'south']
const answers = await Promise.all(tenants.map((tenant) => fetch(`https://api.example.com/v1/echo?tenant=${tenant}`)))
console.log(answers.map(({ status }) => status).join(' '))
