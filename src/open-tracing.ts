import type { Events } from './events.ts'
import type { ExportingTracer } from './tracing/open-telemetry.ts'
import { readTracingSettings } from './tracing/settings.ts'

/**
 * Starts the export of traces where the environment asks for it; what is wrong with it is told and stops nothing. Loaded only
 * then: nobody else pays for the SDK.
 */
export async function openTracing(env: NodeJS.ProcessEnv, events: Events): Promise<ExportingTracer | undefined> {
  const { settings, problems } = readTracingSettings(env)
  for (const problem of problems) events.fault('tracing', new Error(problem))
  if (settings === undefined) return undefined
  try {
    const { startOpenTelemetry } = await import('./tracing/open-telemetry.ts')
    const tracer = startOpenTelemetry(settings, events)
    events.tracing(new URL(settings.endpoint).origin, settings.protocol)
    return tracer
  } catch (error) {
    events.fault('tracing', error)
    return undefined
  }
}
