import { installApart } from '../../scripts/setup.mjs'

export const install = () => installApart('runtimes', 'tests/runtimes')
