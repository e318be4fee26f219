import { TextInput } from '@mantine/core'
import { useState } from 'react'
import { useLocation } from 'wouter'
import { api, ok } from '../../api/client.ts'
import { useOnce } from '../../api/once.ts'
import { Form, FormDrawer } from '../../components/form-drawer.tsx'
import { NameInput } from '../../components/name-input.tsx'
import { LimitInput, limitFrom, limitOf } from '../keys/limit-input.tsx'
import { useOrganizationChanged } from './change-status.tsx'

/** Makes an organization and goes there. */
export function CreateOrganization({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <FormDrawer opened={opened} title="Create an organization" onClose={onClose}>
      <CreateForm onClose={onClose} />
    </FormDrawer>
  )
}

function CreateForm({ onClose }: { onClose: () => void }) {
  const [, go] = useLocation()
  const changed = useOrganizationChanged()
  const once = useOnce()
  const [name, setName] = useState('')
  const [slug, setSlug] = useState('')
  const [limit, setLimit] = useState(() => limitFrom(null))

  const create = async (): Promise<void> => {
    const rateLimit = limitOf(limit)
    const body = { name, ...(slug !== '' && { slug }), ...(rateLimit !== null && { rate_limit: rateLimit }) }
    const { id } = await once(body, (header) => ok(api.POST('/platform/organizations', { params: { header }, body })))
    void changed(id)
    go(`/o/${id}`)
  }

  return (
    <Form action="Create organization" ready={name.trim() !== ''} run={create} onCancel={onClose}>
      {(problem) => (
        <>
          <NameInput placeholder="Acme Ltd" value={name} onChange={setName} error={problem('name')} data-autofocus />
          <TextInput
            label="Short name"
            description="For the command line and the configuration, and for good. Left out, it is made of the name."
            placeholder="acme-ltd"
            value={slug}
            onChange={(event) => setSlug(event.currentTarget.value.toLowerCase())}
            error={problem('slug')}
            pattern="[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?"
            title="Small letters, digits and hyphens, at most 63"
            maxLength={63}
            autoComplete="off"
            spellCheck={false}
            classNames={{ input: 'mono' }}
          />
          <LimitInput
            label="A limit for all of it together"
            value={limit}
            onChange={setLimit}
            error={problem('rate_limit')}
          />
        </>
      )}
    </Form>
  )
}
