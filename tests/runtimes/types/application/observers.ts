// Of those that stand beside aplomb, and import it nowhere.
import { alert, slack, webhook } from '@aplomb/alert'
import { createMockApi } from '@aplomb/mock-api'
import { otel } from '@aplomb/otel'

export const alerts = alert({ to: [slack('https://hooks.example.com/'), webhook('https://hooks.example.com/')] })
export const traces = otel()
export const observers = [alerts, traces]
export const api = createMockApi({ concurrency: 3 })
