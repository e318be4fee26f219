import { describe, expect, it } from 'vitest'
import { readTracingSettings } from '../../src/tracing/settings.ts'

const on = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }

describe('export is off', () => {
  it.each([
    ['without a variable', {}],
    ['where only the service is named', { OTEL_SERVICE_NAME: 'gateway', OTEL_RESOURCE_ATTRIBUTES: 'a=b' }],
    ['where the SDK is disabled', { ...on, OTEL_SDK_DISABLED: 'True' }],
    ['where no exporter is wanted', { ...on, OTEL_TRACES_EXPORTER: 'none' }],
    ['where variables are empty', { OTEL_EXPORTER_OTLP_ENDPOINT: '', OTEL_TRACES_EXPORTER: ' ' }],
    ['where only metrics have an endpoint', { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://collector:4318' }],
  ])('%s, and nothing is wrong with that', (_, env) => {
    expect(readTracingSettings(env)).toEqual({ settings: undefined, problems: [] })
  })

  it.each([
    ['an exporter that there is not', { OTEL_TRACES_EXPORTER: 'zipkin' }, /^OTEL_TRACES_EXPORTER .*otlp/],
    ['gRPC', { ...on, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, /^OTEL_EXPORTER_OTLP_PROTOCOL .*http\/protobuf.*4318/],
    ['an endpoint that is none', { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' }, /http:\/\/collector:4318/],
    [
      'an endpoint that is no HTTP',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'ftp://u:hunter2@c' },
      /^OTEL_EXPORTER_OTLP_ENDPOINT/,
    ],
  ])('with a word about it: %s', (_, env, told) => {
    const { settings, problems } = readTracingSettings(env)
    expect(settings).toBeUndefined()
    expect(problems).toEqual([expect.stringMatching(told)])
    expect(problems.join()).not.toContain('hunter2')
  })
})

describe('export is on', () => {
  it('with the defaults of the specification', () => {
    expect(readTracingSettings(on)).toEqual({
      problems: [],
      settings: {
        endpoint: 'http://collector:4318/v1/traces',
        protocol: 'http/protobuf',
        headers: new Map(),
        timeoutMs: 10_000,
        compression: 'none',
        tls: {},
        sampler: { kind: 'on', ratio: 1, parentBased: true },
        resource: {},
        batch: { queueMax: 2048, batchMax: 512, delayMs: 5000, timeoutMs: 30_000 },
      },
    })
  })

  it.each([
    [{ OTEL_TRACES_EXPORTER: 'otlp' }, 'http://localhost:4318/v1/traces'],
    [{ OTEL_TRACES_EXPORTER: 'console, otlp' }, 'http://localhost:4318/v1/traces'],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://c.example/otlp/' }, 'https://c.example/otlp/v1/traces'],
    [{ ...on, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://t:1/as/it/is' }, 'http://t:1/as/it/is'],
  ])('to the endpoint that %j says', (env, endpoint) => {
    expect(readTracingSettings(env).settings?.endpoint).toBe(endpoint)
  })

  it.each([
    ['always_on', undefined, { kind: 'on', ratio: 1, parentBased: false }],
    ['always_off', undefined, { kind: 'off', ratio: 0, parentBased: false }],
    ['traceidratio', '0.25', { kind: 'ratio', ratio: 0.25, parentBased: false }],
    ['traceidratio', undefined, { kind: 'ratio', ratio: 1, parentBased: false }],
    ['parentbased_always_on', '0.1', { kind: 'on', ratio: 1, parentBased: true }],
    ['parentbased_always_off', undefined, { kind: 'off', ratio: 0, parentBased: true }],
    ['parentbased_traceidratio', '0', { kind: 'ratio', ratio: 0, parentBased: true }],
  ])('with the sampler %s %s', (name, arg, sampler) => {
    const env = { ...on, OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: arg }
    expect(readTracingSettings(env)).toMatchObject({ settings: { sampler }, problems: [] })
  })

  it('with what is said of traces before what is said of every signal', () => {
    const env = {
      ...on,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_TIMEOUT: '1',
      OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: '2000',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      OTEL_EXPORTER_OTLP_CERTIFICATE: 'ca.pem',
      OTEL_EXPORTER_OTLP_CLIENT_KEY: 'key.pem',
      OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY: 'traces.pem',
      OTEL_EXPORTER_OTLP_HEADERS: 'Authorization=Basic%20dTpw==, x-a = 1',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'X-A=2',
      OTEL_RESOURCE_ATTRIBUTES: 'service.name=other,deployment.environment.name=a%2Cb',
      OTEL_SERVICE_NAME: 'gateway',
      OTEL_BSP_MAX_QUEUE_SIZE: '100',
    }
    const { settings, problems } = readTracingSettings(env)
    expect(problems).toEqual([])
    expect(settings).toMatchObject({
      protocol: 'http/json',
      timeoutMs: 2000,
      compression: 'gzip',
      tls: { ca: 'ca.pem', key: 'traces.pem' },
      resource: { 'service.name': 'gateway', 'deployment.environment.name': 'a,b' },
      batch: { queueMax: 100, batchMax: 100 },
    })
    const headers = [...(settings?.headers ?? [])].map(([name, value]) => [name, value.reveal()])
    expect(headers).toEqual([
      ['authorization', 'Basic dTpw=='],
      ['x-a', '2'],
    ])
    expect(JSON.stringify([...(settings?.headers ?? [])])).not.toContain('dTpw')
  })

  it('however much is wrong beside, with one sentence for each and no value that could be a secret', () => {
    const { settings, problems } = readTracingSettings({
      ...on,
      OTEL_TRACES_SAMPLER: 'jaeger_remote',
      OTEL_EXPORTER_OTLP_HEADERS: 'hunter2',
      OTEL_RESOURCE_ATTRIBUTES: 'a=%zz',
      OTEL_EXPORTER_OTLP_TIMEOUT: '-1',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'zstd',
      OTEL_BSP_SCHEDULE_DELAY: 'soon',
    })
    expect(problems.map((text) => text.split(' ')[0]).toSorted()).toEqual([
      'OTEL_BSP_SCHEDULE_DELAY',
      'OTEL_EXPORTER_OTLP_COMPRESSION',
      'OTEL_EXPORTER_OTLP_HEADERS',
      'OTEL_EXPORTER_OTLP_TIMEOUT',
      'OTEL_RESOURCE_ATTRIBUTES',
      'OTEL_TRACES_SAMPLER',
    ])
    expect(problems.join()).not.toContain('hunter2')
    expect(settings).toEqual(readTracingSettings(on).settings)
    const arg = { ...on, OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '1%' }
    expect(readTracingSettings(arg)).toMatchObject({
      settings: { sampler: { ratio: 1 } },
      problems: [expect.stringContaining('_ARG')],
    })
  })
})
