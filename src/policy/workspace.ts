import { decodeSegment } from '../path.ts'
import type { KeyRecord } from '../store/store.ts'

/**
 * The key needs a grant for the workspace that stands in the path. Without one the answer is the one for an id that does
 * not exist: nobody learns which ids there are.
 * @param segment as it stands in the canonical path; undefined where the route has no workspace.
 */
export function checkWorkspace(key: KeyRecord, segment: string | undefined): 'NOT_FOUND' | undefined {
  // A key made for one project has no business outside of it.
  if (segment === undefined) return key.projectId === null ? undefined : 'NOT_FOUND'
  const id = decodeSegment(segment)
  for (const workspace of key.workspaces) if (workspace.id === id || workspace.externalId === id) return undefined
  return 'NOT_FOUND'
}
