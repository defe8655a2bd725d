export type { Engine, Push, Reply, Report } from './engine.ts'
export { fleet, type FleetOptions } from './fleet.ts'
export { memoryEngine } from './rooms.ts'
