import { Select, TagsInput } from '@mantine/core'
import { api } from '../../api/client.ts'
import { fieldProblem } from '../../api/field-problem.ts'
import { usePages } from '../../api/pages.ts'
import { useSettings } from '../../api/session.tsx'
import { useOrganizationId } from '../../shell/use-organization.ts'
import { KeyPicker } from '../keys/key-picker.tsx'
import { groupScopes } from '../keys/scopes.ts'
import { isAsKey, type Question, words } from './question.ts'

/** A key of an organization, or what one is made up of. */
export function CallerFields({
  question,
  onChange,
  error,
  keyComplaint,
}: {
  question: Question
  onChange: (change: Partial<Question>) => void
  error: unknown
  keyComplaint: string | undefined
}) {
  return isAsKey(question) ? (
    <RealKey question={question} onChange={onChange} complaint={keyComplaint ?? fieldProblem(error, 'key_id')} />
  ) : (
    <MadeUp question={question} onChange={onChange} error={error} />
  )
}

interface Fields {
  readonly question: Question
  readonly onChange: (change: Partial<Question>) => void
}

function RealKey({ question, onChange, complaint }: Fields & { complaint: string | undefined }) {
  const last = useOrganizationId()
  const { items, query } = usePages(
    ['organizations'],
    (page, signal) => api.GET('/platform/organizations', { params: { query: page }, signal }),
    { limit: 200 },
  )
  const organizationId = question.org || (last ?? items[0]?.id ?? '')
  const isListed = items.some(({ id }) => id === organizationId)
  return (
    <>
      <Select
        label="Organization"
        data={[
          ...items.map(({ id, name }) => ({ value: id, label: name })),
          ...(isListed || organizationId === '' ? [] : [{ value: organizationId, label: organizationId }]),
        ]}
        value={organizationId || null}
        onChange={(org) => onChange({ org: org ?? '', key: '' })}
        nothingFoundMessage={query.isPending ? 'Looking…' : 'None by that name'}
        allowDeselect={false}
        searchable
      />
      <KeyPicker
        key={organizationId}
        organizationId={organizationId}
        label="Key"
        placeholder="Name, or start of the key"
        value={question.key}
        onChange={(key) => onChange({ key, org: organizationId })}
        error={complaint}
        required
      />
    </>
  )
}

function MadeUp({ question, onChange, error }: Fields & { error: unknown }) {
  const settings = useSettings().data
  const declared = settings?.scopes ?? []
  const wildcards = groupScopes(declared).flatMap(({ prefix }) => (prefix === '' ? [] : [`${prefix}:*`]))
  const environments = settings?.environments ?? []
  return (
    <>
      <TagsInput
        label="With these scopes"
        description="None: a key that may do nothing in particular."
        placeholder={question.scopes === '' ? 'projects:read' : undefined}
        data={['*', ...declared.map(({ name }) => name), ...wildcards]}
        value={words(question.scopes)}
        onChange={(scopes) => onChange({ scopes: scopes.join(' ') })}
        splitChars={[' ', ',']}
        error={fieldProblem(error, 'scopes')}
        acceptValueOnBlur
        clearable
      />
      <TagsInput
        label="With grants for these workspaces"
        description="By their ids, as they stand in the path."
        value={words(question.workspaces)}
        onChange={(workspaces) => onChange({ workspaces: workspaces.join(' ') })}
        splitChars={[' ', ',']}
        error={fieldProblem(error, 'workspaces')}
        acceptValueOnBlur
        clearable
      />
      {environments.length > 1 && (
        <Select
          label="Environment"
          placeholder="none"
          data={environments}
          value={question.environment || null}
          onChange={(environment) => onChange({ environment: environment ?? '' })}
          error={fieldProblem(error, 'environment')}
          clearable
        />
      )}
    </>
  )
}
