import type { IconName } from '../components/icon.tsx'

/** A page that one can go to. */
export interface Place {
  readonly label: string
  readonly icon: IconName
  readonly to: string
  /** Key that opens it after g. */
  readonly hotkey?: string
}

/** Of an organization, below `/o/:org`. */
const ofOrganization: readonly Place[] = [
  { label: 'Overview', icon: 'overview', to: '', hotkey: 'o' },
  { label: 'API keys', icon: 'key', to: '/keys', hotkey: 'k' },
  { label: 'Requests', icon: 'requests', to: '/requests', hotkey: 'r' },
  { label: 'Service accounts', icon: 'robot', to: '/service-accounts', hotkey: 'a' },
  { label: 'Workspaces', icon: 'box', to: '/workspaces', hotkey: 'w' },
  { label: 'Members', icon: 'people', to: '/members', hotkey: 'm' },
  { label: 'Webhooks', icon: 'webhook', to: '/webhooks', hotkey: 'h' },
  { label: 'Jobs', icon: 'jobs', to: '/jobs', hotkey: 'j' },
  { label: 'Events', icon: 'events', to: '/events', hotkey: 'v' },
  { label: 'Settings', icon: 'settings', to: '/settings', hotkey: 's' },
]

/** undefined: none is chosen, and there are no such pages. */
export const placesOf = (organizationId: string | undefined): readonly Place[] =>
  organizationId === undefined
    ? []
    : ofOrganization.map((place) => ({ ...place, to: `/o/${organizationId}${place.to}` }))

/** Of the whole instance: for root alone. */
export const instancePlaces: readonly Place[] = [
  { label: 'Overview', icon: 'overview', to: '/overview', hotkey: 'i' },
  { label: 'Policy', icon: 'policy', to: '/policy', hotkey: 'p' },
  { label: 'Explain', icon: 'explain', to: '/explain', hotkey: 'e' },
  { label: 'All requests', icon: 'requests', to: '/requests' },
  { label: 'Organizations', icon: 'building', to: '/organizations' },
  { label: 'Operators', icon: 'people', to: '/operators' },
  { label: 'Events', icon: 'events', to: '/events' },
]
