import { readdir, readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'

describe('the main entry runs anywhere', () => {
  test('nothing of Node outside server.ts, which nothing else imports', async () => {
    const folder = new URL('../src/', import.meta.url)
    const files = (await readdir(folder, { recursive: true })).filter(
      (file) => file.endsWith('.ts') && file !== 'server.ts',
    )
    expect(files).toContain('index.ts')
    for (const file of files) {
      const source = await readFile(new URL(file, folder), 'utf8')
      expect(source, file).not.toMatch(
        /from '(node:|@hono\/node-server|\.\/server)|\b(process|Buffer|setImmediate|require)\b[.(]/,
      )
    }
  })
})
