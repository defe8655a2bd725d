import { beforeEach } from 'vitest'

/** Time and memory over many calls, other processes, the clock of the platform, and what reads sources: seconds for each mutant, or chance. */
const SLOW =
  /each piece of knowledge|worked example of CONTRIBUTING|nothing is slow|takes milliseconds|a million|10000 calls|24 MiB|garbage collection|keeps nothing of|kill -9|8 processes|timers of the platform|in place of another begins anew|still being made when the answer comes/

beforeEach(({ task, skip }) => {
  let name = task.name
  for (let { suite } = task; suite; { suite } = suite) name = `${suite.name} ${name}`
  if (SLOW.test(name)) skip()
})
