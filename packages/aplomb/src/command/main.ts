#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import process from 'node:process'
import { buffer } from 'node:stream/consumers'
import { styleText } from 'node:util'
import { run } from './run.ts'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

// A closed pipe, as of `| head`, is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

process.exitCode = await run(process.argv.slice(2), {
  read: (path) => readFile(path),
  stdin: async () => (process.stdin.isTTY ? undefined : await buffer(process.stdin)),
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  style: (emphasis, text) => styleText(emphasis, text, { stream: process.stdout }),
  columns: process.stdout.columns,
  version,
})
