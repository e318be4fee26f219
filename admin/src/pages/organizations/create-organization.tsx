import { Button, Drawer, Group, Stack, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useLocation } from 'wouter'
import { api, ok } from '../../api/client.ts'
import { fieldProblem } from '../../api/field-problem.ts'
import { useOnce } from '../../api/once.ts'
import { ErrorNote } from '../../components/error-note.tsx'
import { useSubmit } from '../../components/use-submit.ts'
import { LimitInput, limitFrom, limitOf } from '../keys/limit-input.tsx'
import { useOrganizationChanged } from './change-status.tsx'

/** Makes an organization and goes there. */
export function CreateOrganization({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Drawer
      opened={opened}
      onClose={onClose}
      title="Create an organization"
      position="right"
      size="min(520px, 100%)"
      closeOnClickOutside={false}
    >
      <CreateForm onClose={onClose} />
    </Drawer>
  )
}

function CreateForm({ onClose }: { onClose: () => void }) {
  const [, go] = useLocation()
  const changed = useOrganizationChanged()
  const once = useOnce()
  const [name, setName] = useState('')
  const [slug, setSlug] = useState('')
  const [limit, setLimit] = useState(() => limitFrom(null))

  const { submit, busy, error } = useSubmit(async () => {
    const rateLimit = limitOf(limit)
    const body = { name, ...(slug !== '' && { slug }), ...(rateLimit !== null && { rate_limit: rateLimit }) }
    const { id } = await once(body, (header) => ok(api.POST('/platform/organizations', { params: { header }, body })))
    void changed(id)
    go(`/o/${id}`)
  })

  return (
    <form onSubmit={submit}>
      <Stack gap="lg">
        <TextInput
          label="Name"
          placeholder="Acme Ltd"
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          error={fieldProblem(error, 'name')}
          maxLength={200}
          autoComplete="off"
          data-autofocus
          required
        />
        <TextInput
          label="Short name"
          description="For the command line and the configuration, and for good. Left out, it is made of the name."
          placeholder="acme-ltd"
          value={slug}
          onChange={(event) => setSlug(event.currentTarget.value.toLowerCase())}
          error={fieldProblem(error, 'slug')}
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
          error={fieldProblem(error, 'rate_limit')}
        />
        {error !== undefined && <ErrorNote error={error} />}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={busy} disabled={name.trim() === ''}>
            Create organization
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
