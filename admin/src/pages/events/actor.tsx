import { Anchor } from '@mantine/core'
import { Link } from 'wouter'
import { actorText, type Event, type Names, shortId } from './event-words.ts'

/** Who did it; a key that manages keys by its page. */
export function Actor({ event: { actor, organization_id }, names }: { event: Event; names: Names }) {
  if (actor.type === 'api_key' && actor.id !== null && organization_id !== null) {
    return (
      <Anchor component={Link} href={`/o/${organization_id}/keys/${actor.id}`} size="sm">
        the key {names.keys.get(actor.id) ?? shortId(actor.id)}
      </Anchor>
    )
  }
  return <>{actorText(actor, names)}</>
}
