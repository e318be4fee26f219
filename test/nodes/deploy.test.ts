import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { parseDuration } from '../../src/config/duration.ts'
import { cliSandbox, mainFile, repository, runNode } from '../helpers/cli.ts'

/** What deploy/ shows for several nodes must fit what a node does. Judged without a cluster: nothing of it is run. */

const read = (file: string) => readFile(join(repository, 'deploy', file), 'utf8')

/** What a caller of the examples has in its environment. */
const env = { DATABASE_URL: 'postgres://sallyport:secret@postgres/sallyport', REDIS_URL: 'redis://redis:6379/0' }

async function check(yaml: string): Promise<void> {
  await using cli = await cliSandbox(yaml)
  const { code, stdout, stderr } = await runNode([mainFile, 'check'], cli.folder, env)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(/3 tests passed/)
}

const drainMs = (yaml: string) => {
  const { drain_delay, drain_timeout } = parse(yaml).timeouts
  return { delay: Number(parseDuration(drain_delay)), timeout: Number(parseDuration(drain_timeout)) }
}

describe('deploy/kubernetes', async () => {
  const text = await read('kubernetes/sallyport.yaml')
  const objects = parseAllDocuments(text).map((document) => {
    expect(document.errors).toEqual([])
    return document.toJS()
  })
  const ofKind = (kind: string, name = 'sallyport') => {
    const found = objects.filter((one) => one.kind === kind && one.metadata.name === name)
    expect(found).toHaveLength(1)
    return found[0]
  }
  const yaml: string = ofKind('ConfigMap').data['gateway.yaml']
  const pod = ofKind('Deployment').spec.template
  const [container] = pod.spec.containers

  it('has a gateway.yaml that passes its own tests', () => check(yaml))

  it('ends a pod after its drain, and takes it out of rotation before the listener closes', () => {
    const { delay, timeout } = drainMs(yaml)
    expect(delay).toBe(5000)
    expect(pod.spec.terminationGracePeriodSeconds * 1000).toBeGreaterThan(delay + timeout)
    const { periodSeconds, timeoutSeconds, failureThreshold } = container.readinessProbe
    expect((periodSeconds * failureThreshold + timeoutSeconds) * 1000).toBeLessThan(delay)
    expect(ofKind('Deployment').spec.strategy.rollingUpdate.maxUnavailable).toBe(0)
  })

  it('asks for readiness and life where the admin listener is', () => {
    const { listen } = parse(yaml)
    const ports = new Map(
      container.ports.map((port: { name: string; containerPort: number }) => [port.name, port.containerPort]),
    )
    expect(`0.0.0.0:${ports.get('data')}`).toBe(listen)
    expect(`0.0.0.0:${ports.get('admin')}`).toBe(parse(yaml).admin.listen)
    expect(container.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'admin' })
    expect(container.livenessProbe.httpGet).toEqual({ path: '/healthz', port: 'admin' })
    expect(container.startupProbe.httpGet).toEqual({ path: '/healthz', port: 'admin' })
  })

  it('means the same pods everywhere, and never lets all of them go at once', () => {
    const { labels } = pod.metadata
    expect(ofKind('Deployment').spec.selector.matchLabels).toEqual(labels)
    expect(ofKind('PodDisruptionBudget').spec.selector.matchLabels).toEqual(labels)
    expect(ofKind('PodDisruptionBudget').spec.maxUnavailable).toBeLessThan(ofKind('Deployment').spec.replicas)
    for (const name of ['sallyport', 'sallyport-admin']) expect(ofKind('Service', name).spec.selector).toEqual(labels)
  })

  it('says how to make every secret that is needed, and holds none', () => {
    const needed = [...yaml.matchAll(/\$\{(\w+)/g)].map(([, name]) => name)
    for (const name of [...needed, 'SALLYPORT_MASTER_KEY', 'SALLYPORT_ADMIN_TOKEN']) {
      expect(text).toContain(`--from-literal=${name}=`)
    }
    expect(container.envFrom).toEqual([{ secretRef: { name: 'sallyport' } }])
    expect(objects.some(({ kind }) => kind === 'Secret')).toBe(false)
  })

  it('gives the files that a node writes a place, on a file system that is read-only', () => {
    expect(container.securityContext).toMatchObject({ readOnlyRootFilesystem: true, allowPrivilegeEscalation: false })
    const mounts: string[] = container.volumeMounts.map((mount: { mountPath: string }) => mount.mountPath)
    expect(mounts.some((path) => parse(yaml).audit.checkpoints.file.startsWith(`${path}/`))).toBe(true)
  })
})

describe('deploy/nodes.compose.yaml', async () => {
  const { services } = parse(await read('nodes.compose.yaml'))
  const yaml = await read('nodes.gateway.yaml')

  it('has a gateway.yaml that passes its own tests, and sets what it reads', async () => {
    await check(yaml)
    for (const [, name] of yaml.matchAll(/\$\{(\w+)/g))
      expect(services.gateway.environment).toHaveProperty(String(name))
  })

  it('ends a gateway after its drain', () => {
    const { delay, timeout } = drainMs(yaml)
    expect(Number(parseDuration(services.gateway.stop_grace_period))).toBeGreaterThan(delay + timeout)
  })

  it('lets callers in through the load balancer alone, which the gateways believe', async () => {
    expect(Object.keys(services).filter((name) => services[name].ports !== undefined)).toEqual(['balancer'])
    const { networks } = parse(await read('nodes.compose.yaml'))
    expect(parse(yaml).trust_proxy).toEqual([networks.inside.ipam.config[0].subnet])
    const nginx = await read('nodes.nginx.conf')
    expect(nginx).toContain('server gateway:8080 resolve')
    expect(nginx).toContain('proxy_set_header X-Forwarded-For $remote_addr;')
  })
})
