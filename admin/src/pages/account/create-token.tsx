import { Button, Group, Modal, Select, Stack } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ok, type Schema } from '../../api/client.ts'
import { fieldProblem } from '../../api/field-problem.ts'
import { useOnce } from '../../api/once.ts'
import { useProof } from '../../api/proof.tsx'
import { type Me, type Role, rolesUpTo, useMe, useRole } from '../../api/session.tsx'
import { ErrorNote } from '../../components/error-note.tsx'
import { NameInput } from '../../components/name-input.tsx'
import { useSubmit } from '../../components/use-submit.ts'
import { useOrganizationSearch } from '../../shell/use-organization-search.ts'

interface Props {
  readonly onClose: () => void
  readonly onMade: (created: { token: Schema<'AdminTokenRecord'>; raw_token: string | null }) => void
}

/** Makes a token that carries a role of one's own or less, in all of one's organizations or in one. */
export function CreateToken({ opened, ...props }: Props & { opened: boolean }) {
  return (
    <Modal opened={opened} onClose={props.onClose} title="Create a personal token" closeOnClickOutside={false}>
      <CreateForm {...props} />
    </Modal>
  )
}

function CreateForm({ onClose, onMade }: Props) {
  const me = useMe()
  const client = useQueryClient()
  const proof = useProof()
  const once = useOnce()
  const { items, setSearch } = useOrganizationSearch()
  const [name, setName] = useState('')
  const [where, setWhere] = useState({ value: everywhere, label: everywhereFor(me) })
  const [role, setRole] = useState<Role>('viewer')
  const [days, setDays] = useState('90')
  const there = useRole(where.value === everywhere ? undefined : where.value)
  const roles = rolesFor(me, where.value, there)
  const chosen = roles.includes(role) ? role : (roles[0] ?? 'viewer')

  const { submit, busy, error } = useSubmit(async () => {
    const body = {
      name,
      role: chosen,
      organization_id: where.value === everywhere ? null : where.value,
      expires_in_days: days === 'never' ? null : Number(days),
    }
    const created = await once(body, (header) =>
      proof(() => ok(api.POST('/platform/tokens', { params: { header }, body }))),
    )
    void client.invalidateQueries({ queryKey: ['tokens'] })
    onMade(created)
  })

  return (
    <form onSubmit={submit}>
      <Stack>
        <NameInput
          placeholder="What uses it, such as: Terraform"
          value={name}
          onChange={setName}
          error={fieldProblem(error, 'name')}
          data-autofocus
        />
        <Select
          label="Where it works"
          data={[
            { value: everywhere, label: everywhereFor(me) },
            // The chosen one stays, whatever is looked for next.
            ...[...items.map(({ id, name }) => ({ value: id, label: name })), where].filter(isFirst),
          ]}
          value={where.value}
          onChange={(_, chosen) => chosen !== null && setWhere(chosen)}
          allowDeselect={false}
          searchable
          onSearchChange={(text) => setSearch(text === where.label ? '' : text)}
          error={fieldProblem(error, 'organization_id')}
        />
        <Select
          label="The most that it may do"
          description="Less than yours where yours is less: what you lose, it loses."
          data={roles}
          value={chosen}
          onChange={(next) => setRole((next ?? 'viewer') as Role)}
          allowDeselect={false}
          error={fieldProblem(error, 'role')}
        />
        <Select
          label="Expires"
          data={[
            { value: '7', label: 'in 7 days' },
            { value: '30', label: 'in 30 days' },
            { value: '90', label: 'in 90 days' },
            { value: '365', label: 'in a year' },
            { value: 'never', label: 'never' },
          ]}
          value={days}
          onChange={(next) => setDays(next ?? '90')}
          allowDeselect={false}
          error={fieldProblem(error, 'expires_in_days')}
        />
        {error !== undefined && <ErrorNote error={error} />}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={busy} disabled={name.trim() === ''}>
            Create token
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

const everywhere = 'everywhere'

const everywhereFor = ({ is_root }: Pick<Me, 'is_root'>): string =>
  is_root ? 'Everywhere' : 'In all of your organizations'

const isFirst = ({ value }: { value: string }, at: number, all: readonly { value: string }[]): boolean =>
  value !== everywhere && all.findIndex((other) => other.value === value) === at

/** Root in no organization, and roles in one: what the server takes. @param there the role in the one that is chosen. */
function rolesFor({ is_root, roles }: Me, where: string, there: Role | undefined): Role[] {
  if (is_root) return where === everywhere ? ['root'] : rolesUpTo('owner')
  if (where !== everywhere) return rolesUpTo(there)
  return roles.map(({ role }) => rolesUpTo(role)).reduce((most, some) => (some.length > most.length ? some : most), [])
}
