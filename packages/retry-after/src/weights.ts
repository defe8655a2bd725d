import type { GradualWeight, Weight } from '@aplomb/pipeline'

/** Where a weight is a number: the name of all units. */
export const ANY = ''
/** No request takes so much of a percentage. */
export const SHARE = 'percent'
export const NONE: ReadonlyMap<string, number> = new Map()

/** In each unit that the second has. */
export const sum = (
  one: ReadonlyMap<string, number>,
  other: ReadonlyMap<string, number>,
  sign = 1,
): ReadonlyMap<string, number> => {
  const all = new Map(one)
  for (const [scale, amount] of other) all.set(scale, (all.get(scale) ?? 0) + sign * amount)
  return all
}

export const weightIn = (scale: string, weight: Weight | undefined): GradualWeight | undefined => {
  const found = typeof weight === 'object' ? (Object.hasOwn(weight, scale) ? weight[scale] : undefined) : weight
  return typeof found === 'number' ? { onArrival: found, later: 0 } : found
}

export const totalIn = (scale: string, weight: Weight | undefined): number => {
  const { onArrival, later } = weightIn(scale, weight) ?? { onArrival: 0, later: 0 }
  return onArrival + later
}

/** What is charged later than on arrival. */
export const laterIn = (weight: Weight | undefined): ReadonlyMap<string, number> => {
  if (typeof weight !== 'object') return NONE
  const all = Object.keys(weight).map((scale) => [scale, weightIn(scale, weight)?.later ?? 0] as const)
  const some = all.filter(([, later]) => later > 0)
  return some.length > 0 ? new Map(some) : NONE
}

/** What a request of a known weight takes, when it arrives, of a limit in this unit, or of this name. */
export const knownWeight = (unit: string, name: string, weight: Weight | undefined): number | undefined =>
  unit === SHARE && typeof weight === 'number'
    ? undefined
    : (weightIn(name, weight) ?? weightIn(unit, weight))?.onArrival
