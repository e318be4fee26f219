import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { answers, beside, type Child, startChild } from './child.ts'
import { freePort, loadCore, type Machine } from './machine.ts'
import { upstreamBody } from './upstream-body.ts'

export interface Upstream extends AsyncDisposable {
  readonly origin: string
  readonly kind: 'nginx' | 'node:http'
}

/** The API behind every subject: one small JSON answer, from nginx where there is one, else from Node.js. */
export async function startUpstream(machine: Machine, folder: string): Promise<Upstream> {
  const port = await freePort()
  const child = machine.nginx ? await startNginx(machine, folder, port) : startServer(machine, port)
  const origin = `http://127.0.0.1:${port}`
  await answers(`${origin}/`, child)
  return {
    origin,
    kind: machine.nginx ? 'nginx' : 'node:http',
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  }
}

function startServer(machine: Machine, port: number): Child {
  return startChild(process.execPath, [beside('./upstream-server.ts'), String(port)], { machine, core: loadCore })
}

async function startNginx(machine: Machine, folder: string, port: number): Promise<Child> {
  const file = join(folder, 'nginx.conf')
  await mkdir(join(folder, 'nginx'), { recursive: true })
  await writeFile(file, nginxConfig(join(folder, 'nginx'), port))
  return startChild('nginx', ['-c', file, '-e', join(folder, 'nginx-error.log')], { machine, core: loadCore })
}

/** One process without a master: what we start is what we stop. */
const nginxConfig = (folder: string, port: number): string => `
daemon off;
master_process off;
pid ${folder}/nginx.pid;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_timeout 1h;
  keepalive_requests 1000000000;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  server {
    listen 127.0.0.1:${port};
    default_type application/json;
    location / { return 200 '${upstreamBody}'; }
  }
}
`
