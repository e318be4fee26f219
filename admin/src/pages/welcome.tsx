import { Anchor, Skeleton, Stack } from '@mantine/core'
import { useState } from 'react'
import type { Schema } from '../api/client.ts'
import { useMe, useSettings } from '../api/session.tsx'
import { ErrorNote } from '../components/error-note.tsx'
import { Page } from '../components/page.tsx'
import { useQueryState } from '../components/use-query-state.ts'
import { useOrganization } from '../shell/organization-switcher.tsx'
import { useKey } from './key/use-key.ts'
import { KeyStep } from './welcome/key-step.tsx'
import { OrganizationStep } from './welcome/organization-step.tsx'
import { RequestStep } from './welcome/request-step.tsx'
import { Step } from './welcome/step.tsx'

/** From an account to a request that goes through. Where one is stands in the address; the key itself never does. */
export default function WelcomePage() {
  const me = useMe()
  const settings = useSettings()
  const [{ org, key }, change] = useQueryState(['org', 'key'])
  // The secret is here and nowhere else: no cache, no address, no storage.
  const [created, setCreated] = useState<Schema<'ApiKeyCreatedResponse'> | undefined>(undefined)
  const [through, setThrough] = useState('')
  const organization = useOrganization(org === '' ? undefined : org)
  const at = org === '' ? 2 : key === '' ? 3 : 4
  const stateOf = (number: number) => (number < at ? 'done' : number === at ? 'now' : 'later')

  return (
    <Page
      title="First steps"
      about="An organization, a key, and a request that goes through. It takes two minutes; each step can also be done later."
    >
      {organization.isError && <ErrorNote error={organization.error} retry={() => change({ org: '', key: '' })} />}
      {settings.isError && <ErrorNote error={settings.error} retry={() => void settings.refetch()} />}
      <Stack component="ol" gap="sm" p={0} m={0} maw={820}>
        <Step number={1} title="Your account" state="done" outcome={me.name ?? me.email} />
        <Step
          number={2}
          title="An organization"
          state={stateOf(2)}
          outcome={
            <>
              {organization.data?.name ?? '…'}
              {at === 3 && (
                <>
                  {' · '}
                  <Anchor component="button" type="button" size="sm" onClick={() => change({ org: '' })}>
                    take another
                  </Anchor>
                </>
              )}
            </>
          }
        >
          <OrganizationStep onChosen={(id) => change({ org: id })} />
        </Step>
        <Step
          number={3}
          title="Its first key"
          state={stateOf(3)}
          outcome={at > 3 && <KeyName organizationId={org} keyId={key} />}
        >
          {settings.data === undefined ? (
            <Skeleton h={240} />
          ) : (
            <KeyStep
              organizationId={org}
              settings={settings.data}
              onCreated={(made) => {
                setCreated(made)
                change({ key: made.key.id })
              }}
            />
          )}
        </Step>
        <Step number={4} title="A first request" state={stateOf(4)} isReached={at === 4 && through === key}>
          {settings.data === undefined ? (
            <Skeleton h={240} />
          ) : (
            <RequestStep
              key={key}
              organizationId={org}
              keyId={key}
              created={created?.key.id === key ? created : undefined}
              settings={settings.data}
              onThrough={() => setThrough(key)}
              onAnother={() => {
                setCreated(undefined)
                change({ key: '' })
              }}
            />
          )}
        </Step>
      </Stack>
    </Page>
  )
}

function KeyName({ organizationId, keyId }: { organizationId: string; keyId: string }) {
  const { data, isError } = useKey(organizationId, keyId)
  if (isError) return 'It can’t be found.'
  return data === undefined ? '…' : data.key.name
}
