import { installApart } from '../../scripts/setup.mjs'

export const install = (options) => installApart('tests/runtimes', options)
