import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'
import { freePort } from './ports.ts'
import { blocksOf, ROOT } from './readme.ts'

/** The program's path; null where it is not installed. */
export const NGINX = find('nginx')

function find(program: string): string | null {
  try {
    const found = execFileSync('sh', ['-c', `PATH="$PATH:/usr/sbin" command -v ${program}`])
    return found.toString().trim()
  } catch {
    return null
  }
}

/** As docs/proxies.md says. */
export const DOCUMENTED = blocksOf(await readFile(join(ROOT, 'docs/proxies.md'), 'utf8'))
  .filter(({ tag }) => tag === 'nginx')
  .map(({ text }) => text)
  .join('\n')

/**
 * nginx before the instances at `urls`, for one test.
 * @param servers what belongs into `http`, with 127.0.0.1:4000 and 127.0.0.1:4001 for the instances
 * @returns its URL
 */
export async function startNginx(urls: readonly string[], servers: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fleetshare-nginx-'))
  const port = await freePort()
  const [first = '', second] = urls.map((url) => new URL(url).host)
  const own = servers
    .replaceAll('127.0.0.1:4000', first)
    .replaceAll(/^ *server 127\.0\.0\.1:4001.*$/gm, (line) => (second ? line.replace('127.0.0.1:4001', second) : ''))
    .replaceAll('listen 8080', `listen 127.0.0.1:${port}`)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${folder};`)
  const settings = join(folder, 'nginx.conf')
  await writeFile(
    settings,
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log stderr notice;
${process.getuid?.() === 0 ? 'user root;' : ''}
events { worker_connections 4096; }
http { access_log off; ${temporary.join(' ')}
${own} }`,
  )
  const nginx = spawn(NGINX ?? '', ['-e', 'stderr', '-c', settings], { stdio: ['ignore', 'ignore', 'pipe'] })
  onTestFinished(async () => {
    if (nginx.exitCode === null) {
      nginx.kill('SIGTERM')
      await once(nginx, 'exit')
    }
    await rm(folder, { recursive: true, force: true })
  })
  const said: string[] = []
  for await (const line of createInterface(nginx.stderr)) {
    said.push(line)
    if (line.includes('start worker process ')) {
      nginx.stderr.resume()
      return `http://127.0.0.1:${port}`
    }
  }
  throw new Error(`nginx did not start: ${said.join('\n')}`)
}
