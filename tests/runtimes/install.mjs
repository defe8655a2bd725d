import { installApart } from '../../scripts/setup.mjs'

export const install = () => installApart('tests/runtimes')
